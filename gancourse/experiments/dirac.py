"""Nine training methods × three ways of taking turns on the Dirac-GAN, at the published settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from gancourse.experiments.table import Experiment
from gancourse.theory import dirac, fields
from gancourse.values import Value


@dataclass(frozen=True)
class Duel(Value):
    """One way to play the Dirac-GAN; nothing is drawn, so the seed changes nothing.

    Args:
        method: one of `theory.dirac.methods`.
        stepping: one of `theory.dirac.steppings`.
        steps: after how many steps the distance from the equilibrium is recorded.
        seed: not used.
    """

    method: str
    stepping: str
    steps: int = dirac.N_STEPS
    seed: int = 0


def play(method: str, settings: Duel, n_samples: int) -> dict[str, Any]:
    """Play on for n_samples steps: the distance after the published number of them, and the verdict on all of them.

    The row also tells the spectral radius of the step at the equilibrium, where that is differentiable.

    Raises:
        ValueError: n_samples is below the number of steps, or no verdict can be reached on so few.
    """
    if n_samples < settings.steps:
        raise ValueError(f"a verdict on {n_samples} steps, but the distance is recorded after {settings.steps}")
    dirac_method = dirac.method(settings.method)
    step = dirac.step(dirac_method.field, settings.stepping)
    points = fields.trajectory(step, dirac.start(), n_samples)
    distance = dirac.distances(points)[settings.steps].item()
    row = {"steps": settings.steps, "verdict": dirac.verdict(points), "metrics": {"distance": float(f"{distance:.6g}")}}
    if dirac_method.eigenvalues is not None:
        row["spectral_radius"] = round(fields.rate(step, torch.zeros(2, dtype=torch.float64)), 9)
    return row


table = Experiment(
    "dirac",
    "which training methods converge on the Dirac-GAN, by how the players take turns",
    {f"{name}, {stepping}": Duel(name, stepping) for name in dirac.methods for stepping in dirac.steppings},
    seeds=(0,),
    n_samples=4000,
    play=play,
)
