"""Games: lists of players, each with a network that it updates and losses that it minimises."""

from gancourse.games.boundary_equilibrium import BoundaryEquilibrium
from gancourse.games.classifier import Classification
from gancourse.games.consensus import Consensus
from gancourse.games.constraints import weight_clipping
from gancourse.games.game import GAN, Game, Player, Samples, View
from gancourse.games.growing import Growing, GrowingRemedy, at_resolution, phases
from gancourse.games.history import HistoricalAveraging
from gancourse.games.laplacian import LaplacianGAN
from gancourse.games.matching import FeatureMatching, PullAway, pull_away
from gancourse.games.mode_regularised import ModeRegularised
from gancourse.games.one_pass import OneBatch, OneForward
from gancourse.games.regression import FactorRegression
from gancourse.games.remedies import (
    ConsensusRemedy,
    FeatureMatchingRemedy,
    HistoricalAveragingRemedy,
    InstanceNoiseRemedy,
    LabelFlippingRemedy,
    ModeRegularisedRemedy,
    PackingRemedy,
    PullAwayRemedy,
    SeveralRemedy,
    UnrolledRemedy,
    WeightClippingRemedy,
)
from gancourse.games.remedy import Remedy
from gancourse.games.several import Several
from gancourse.games.terms import Term, Turn, penalty
from gancourse.games.unrolled import Unrolled
from gancourse.games.vae import VAE, gaussian_kl
from gancourse.games.views import annealed, instance_noise, label_flipping, packing
from gancourse.games.wrapper import Wrapper

__all__ = [
    "GAN",
    "VAE",
    "BoundaryEquilibrium",
    "Classification",
    "Consensus",
    "ConsensusRemedy",
    "FactorRegression",
    "FeatureMatching",
    "FeatureMatchingRemedy",
    "Game",
    "Growing",
    "GrowingRemedy",
    "HistoricalAveraging",
    "HistoricalAveragingRemedy",
    "InstanceNoiseRemedy",
    "LabelFlippingRemedy",
    "LaplacianGAN",
    "ModeRegularised",
    "ModeRegularisedRemedy",
    "OneBatch",
    "OneForward",
    "PackingRemedy",
    "Player",
    "PullAway",
    "PullAwayRemedy",
    "Remedy",
    "Samples",
    "Several",
    "SeveralRemedy",
    "Term",
    "Turn",
    "Unrolled",
    "UnrolledRemedy",
    "View",
    "WeightClippingRemedy",
    "Wrapper",
    "annealed",
    "at_resolution",
    "gaussian_kl",
    "instance_noise",
    "label_flipping",
    "packing",
    "penalty",
    "phases",
    "pull_away",
    "weight_clipping",
]
