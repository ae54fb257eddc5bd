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
    f"{name}{suffix}": remedies.trial("GAN", TARGET, **noise, **network)
    for suffix, network in {"": {}, "; tanh in G": _TANH}.items()
    for name, noise in _NOISES.items()
}
"""The plain GAN of the experiment on remedies, with each kind of noise, for two generators.

One with ReLU misses modes of the grid; one with tanh finds them all, so that noise can change only how the modes look.
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
    seeds=range(8),
    n_samples=2500,
    play=play,
)
