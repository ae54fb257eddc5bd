"""Games: lists of players, each with a network that it updates and losses that it minimises."""

from gancourse.games.auxiliary_classifier import ACGAN
from gancourse.games.boundary_equilibrium import BoundaryEquilibrium
from gancourse.games.classifier import Classification, class_losses
from gancourse.games.consensus import Consensus
from gancourse.games.constraints import weight_clipping
from gancourse.games.denoising import Diffusion, without_labels
from gancourse.games.denoising_gan import DenoisingGAN, states, step_back
from gancourse.games.diffusion_views import DiffusedRemedy, diffused
from gancourse.games.game import GAN, Game, Player, Samples, View
from gancourse.games.growing import Growing, GrowingRemedy, at_resolution, phases
from gancourse.games.history import HistoricalAveraging
from gancourse.games.information import InfoGAN, code_losses, draw_codes
from gancourse.games.laplacian import LaplacianGAN
from gancourse.games.lengths import path_length
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
from gancourse.games.semi_supervision import SemiSupervised, real_logit
from gancourse.games.several import Several
from gancourse.games.students import ConsistencyDistillation, PairDistillation, distillation, distillation_of_pairs
from gancourse.games.terms import Term, Turn, penalty
from gancourse.games.transport_term import transport
from gancourse.games.unrolled import Unrolled
from gancourse.games.vae import VAE, gaussian_kl
from gancourse.games.views import annealed, instance_noise, label_flipping, packing
from gancourse.games.wrapper import Wrapper

__all__ = [
    "ACGAN",
    "GAN",
    "VAE",
    "BoundaryEquilibrium",
    "Classification",
    "Consensus",
    "ConsensusRemedy",
    "ConsistencyDistillation",
    "DenoisingGAN",
    "DiffusedRemedy",
    "Diffusion",
    "FactorRegression",
    "FeatureMatching",
    "FeatureMatchingRemedy",
    "Game",
    "Growing",
    "GrowingRemedy",
    "HistoricalAveraging",
    "HistoricalAveragingRemedy",
    "InfoGAN",
    "InstanceNoiseRemedy",
    "LabelFlippingRemedy",
    "LaplacianGAN",
    "ModeRegularised",
    "ModeRegularisedRemedy",
    "OneBatch",
    "OneForward",
    "PackingRemedy",
    "PairDistillation",
    "Player",
    "PullAway",
    "PullAwayRemedy",
    "Remedy",
    "Samples",
    "SemiSupervised",
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
    "class_losses",
    "code_losses",
    "diffused",
    "distillation",
    "distillation_of_pairs",
    "draw_codes",
    "gaussian_kl",
    "instance_noise",
    "label_flipping",
    "packing",
    "path_length",
    "penalty",
    "phases",
    "pull_away",
    "real_logit",
    "states",
    "step_back",
    "transport",
    "weight_clipping",
    "without_labels",
]
