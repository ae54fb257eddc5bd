"""Objectives of the players: pairs of losses of scores, and penalties on the discriminator."""

from gancourse.objectives.catalogue import objective, objectives
from gancourse.objectives.energy import ebgan, magan
from gancourse.objectives.f_divergences import f_gan
from gancourse.objectives.losses import (
    Objective,
    hinge,
    label_smoothing,
    least_squares,
    minimax,
    non_saturating,
    wasserstein,
)
from gancourse.objectives.orthogonal import off_diagonal, orthogonality
from gancourse.objectives.path_length import path_length_penalty, path_length_weight, path_lengths
from gancourse.objectives.penalties import (
    drift,
    gradient_norm,
    gradient_penalty,
    one_sided_gradient_penalty,
    r1,
    r2,
    zero_centred_gradient_penalty,
)
from gancourse.objectives.relativistic import (
    relativistic_average,
    relativistic_average_hinge,
    relativistic_average_least_squares,
    relativistic_pairing,
)
from gancourse.objectives.reweighted import boundary_seeking, softmax

__all__ = [
    "Objective",
    "boundary_seeking",
    "drift",
    "ebgan",
    "f_gan",
    "gradient_norm",
    "gradient_penalty",
    "hinge",
    "label_smoothing",
    "least_squares",
    "magan",
    "minimax",
    "non_saturating",
    "objective",
    "objectives",
    "off_diagonal",
    "one_sided_gradient_penalty",
    "orthogonality",
    "path_length_penalty",
    "path_length_weight",
    "path_lengths",
    "r1",
    "r2",
    "relativistic_average",
    "relativistic_average_hinge",
    "relativistic_average_least_squares",
    "relativistic_pairing",
    "softmax",
    "wasserstein",
    "zero_centred_gradient_penalty",
]
