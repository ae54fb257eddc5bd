"""Plays: kinds of games with their networks, one a file."""

from gancourse.recipes.plays.adversarial import Adversarial
from gancourse.recipes.plays.auxiliary import AuxiliaryClassifying
from gancourse.recipes.plays.classifying import Classifying
from gancourse.recipes.plays.denoising import Denoising, DiffusionSampling
from gancourse.recipes.plays.denoising_gan import DenoisingAdversarial
from gancourse.recipes.plays.information import InformationMaximising
from gancourse.recipes.plays.laplacian import Laplacian
from gancourse.recipes.plays.play import Play, check_request, generated, in_parts
from gancourse.recipes.plays.regressing import Regressing
from gancourse.recipes.plays.semi_supervision import SemiSupervising
from gancourse.recipes.plays.variational import Variational

__all__ = [
    "Adversarial",
    "AuxiliaryClassifying",
    "Classifying",
    "Denoising",
    "DenoisingAdversarial",
    "DiffusionSampling",
    "InformationMaximising",
    "Laplacian",
    "Play",
    "Regressing",
    "SemiSupervising",
    "Variational",
    "check_request",
    "generated",
    "in_parts",
]
