"""Plays: kinds of games with their networks, one a file."""

from gancourse.recipes.plays.adversarial import Adversarial
from gancourse.recipes.plays.classifying import Classifying
from gancourse.recipes.plays.laplacian import Laplacian
from gancourse.recipes.plays.play import Play, check_request, generated, in_parts
from gancourse.recipes.plays.regressing import Regressing
from gancourse.recipes.plays.variational import Variational

__all__ = [
    "Adversarial",
    "Classifying",
    "Laplacian",
    "Play",
    "Regressing",
    "Variational",
    "check_request",
    "generated",
    "in_parts",
]
