"""What each guideline of the DCGAN is worth on digits."""

from __future__ import annotations

from typing import Any

from gancourse import zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import recipe


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train a recipe to its end and measure the result as the zoo does."""
    return row_of(trial, lambda built: zoo.evaluate(built.result.eval(), built.recipe, n_samples))


_DCGAN = recipe("dcgan-digits").changed(full=False, width=16, steps=800, average_kimg=5.0)

table = Experiment(
    "dcgan-guidelines",
    "what each guideline of the DCGAN is worth on digits, at equal steps",
    {
        name: Trial(_DCGAN.changed(**changes))
        for name, changes in {
            "all guidelines": {},
            "pooling and upsampling": {"strided": False},
            "no BatchNorm": {"batch_norm": "nowhere"},
            "BatchNorm everywhere": {"batch_norm": "everywhere"},
            "hidden dense layers": {"convolutional": False},
            "tanh activations": {"activations": False},
            "Adam with β₁ = 0.9": {"beta1": 0.9},
        }.items()
    },
    seeds=range(5),
    n_samples=5000,
    play=play,
)
