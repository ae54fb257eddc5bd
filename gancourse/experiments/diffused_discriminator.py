"""The experiment "diffused-discriminator": Diffusion-GAN's noise on the grid, beside no noise and instance noise."""

from __future__ import annotations

from typing import Any

from torch import nn

from gancourse import metrics, zoo
from gancourse.experiments import remedies
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.games import DiffusedRemedy, InstanceNoiseRemedy

TARGET: remedies.Target = "grid"
_TANH: dict[str, Any] = {"activation": "tanh", "latent_scale": 6.0}
_NOISES: dict[str, dict[str, Any]] = {
    "no noise": {},
    "instance noise, falling": {"remedies": (InstanceNoiseRemedy(0.5, 0.005, 1500),)},
    "instance noise, constant": {"remedies": (InstanceNoiseRemedy(0.2, 0.2, 1),)},
    "diffused, half of the times": {"remedies": (DiffusedRemedy(),)},
    "diffused, a tenth of the times": {"remedies": (DiffusedRemedy(most=0.1),)},
    "diffused, a tenth, none clean": {"remedies": (DiffusedRemedy(most=0.1, clean=0.0),)},
}
methods: dict[str, Trial] = {
    name: remedies.trial("GAN", TARGET, **changes)
    for name, changes in (
        _NOISES
        | {f"{name}; tanh in G": _NOISES[name] | _TANH for name in ("no noise", "diffused, a tenth of the times")}
    ).items()
}
"""The plain GAN of the experiment on remedies, with each kind of noise; and a generator that finds all modes without.

The standard deviation of the constant instance noise, 0.2, is about the root mean square of what a tenth of the times
add, which is 0.193.
"""


def judge(generator: nn.Module, n_samples: int) -> dict[str, float]:
    """What the experiment on remedies measures, and the width of the modes over the true one.

    Raises:
        NotFiniteError: a sample isn't finite.
    """
    exact = remedies.mixture(TARGET)
    widths = metrics.mode_widths(zoo.samples(generator, n_samples), exact.means, exact.std)
    return remedies.judge(generator, TARGET, n_samples) | {"width": round(widths.ratio, 3)}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and judge its generator."""
    return row_of(trial, lambda built: judge(built.result.eval(), n_samples))


table = Experiment(
    "diffused-discriminator",
    "whether a discriminator that sees diffused samples finds more modes of the grid, and how it changes them",
    methods,
    seeds=range(5),
    n_samples=2500,
    play=play,
)
