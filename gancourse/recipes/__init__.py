"""Named trainings: what to build, on which data, for how long."""

from gancourse.recipes.branching import branch
from gancourse.recipes.building import REFERENCE, Arithmetic, Built, build
from gancourse.recipes.calculation import TFLOPS, Cost, cost
from gancourse.recipes.catalogue import recipe, recipes
from gancourse.recipes.plays import (
    Adversarial,
    AuxiliaryClassifying,
    Classifying,
    Denoising,
    DenoisingAdversarial,
    DiffusionSampling,
    InformationMaximising,
    Laplacian,
    Play,
    SemiSupervising,
    Variational,
    generated,
)
from gancourse.recipes.running import (
    Progress,
    Saved,
    Stopped,
    read_arithmetic,
    read_recipe,
    read_saved,
    resume,
    train,
)
from gancourse.recipes.schema import Data, Recipe, Training

__all__ = [
    "REFERENCE",
    "TFLOPS",
    "Adversarial",
    "Arithmetic",
    "AuxiliaryClassifying",
    "Built",
    "Classifying",
    "Cost",
    "Data",
    "Denoising",
    "DenoisingAdversarial",
    "DiffusionSampling",
    "InformationMaximising",
    "Laplacian",
    "Play",
    "Progress",
    "Recipe",
    "Saved",
    "SemiSupervising",
    "Stopped",
    "Training",
    "Variational",
    "branch",
    "build",
    "cost",
    "generated",
    "read_arithmetic",
    "read_recipe",
    "read_saved",
    "recipe",
    "recipes",
    "resume",
    "train",
]
