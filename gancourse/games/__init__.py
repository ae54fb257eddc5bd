"""Games: lists of players, each with something it may change and something it minimises."""

from gancourse.games.boundary_equilibrium import BoundaryEquilibrium
from gancourse.games.consensus import Consensus
from gancourse.games.constraints import weight_clipping
from gancourse.games.game import GAN, Classification, Game, Penalty, Player, View
from gancourse.games.history import HistoricalAveraging
from gancourse.games.matching import FeatureMatching, PullAway, pull_away
from gancourse.games.mode_regularised import ModeRegularised
from gancourse.games.several import Several
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
    "FeatureMatching",
    "Game",
    "HistoricalAveraging",
    "ModeRegularised",
    "Penalty",
    "Player",
    "PullAway",
    "Several",
    "Unrolled",
    "View",
    "Wrapper",
    "annealed",
    "gaussian_kl",
    "instance_noise",
    "label_flipping",
    "packing",
    "pull_away",
    "weight_clipping",
]
