"""The experiment "transport-term": which map from latents to the grid a GAN learns, with adversarial flow's term."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from gancourse import metrics, theory, zoo
from gancourse.experiments import remedies
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Built
from gancourse.recipes.terms import Transport
from gancourse.rng import Noise

TARGET: remedies.Target = "grid"
N_ASSIGNED, N_KEPT = 1_000, 32
_TERMS: dict[str, tuple[Transport, ...]] = {
    "no term": (),
    "weight 1, falling to 0": (Transport(1.0, 0.0, 1_000),),
    "weight 1 throughout": (Transport(1.0, 1.0, 1),),
}
methods: dict[str, Trial] = {
    name: remedies.trial("GAN", TARGET, latent_size=2, terms=terms) for name, terms in _TERMS.items()
}
"""The plain GAN of the experiment on remedies with latents of the data's size, and the term in two ways.

It falls over the first half of the training, and is left out in the second one.
"""


@torch.no_grad()
def pairs(generator: nn.Module, n: int) -> tuple[Tensor, Tensor]:
    """Always the same n latents, and their samples, each [n, 2]."""
    z = Noise((0, "transport"), n).normal("z", 2)
    return z, generator(z)


def judge(generator: nn.Module, n_samples: int) -> dict[str, float]:
    """How far a generator moves its latents, how far it would have to, and what it reaches of the grid's modes.

    "moved" is the mean of ‖G(z) − z‖², and "optimal" that of the cheapest assignment of the same samples to the same
    latents. Their ratio is at least 1, and 1 for an optimal transport to whatever the generator makes.

    Raises:
        NotFiniteError: a sample isn't finite.
    """
    z, x = pairs(generator, min(n_samples, N_ASSIGNED))
    exact, samples = remedies.mixture(TARGET), zoo.samples(generator, n_samples)
    coverage = metrics.mode_coverage(samples, exact.means, exact.std)
    moved = (x - z).square().sum(1).double().mean().item()
    optimal = theory.optimal_transport(x, z, 2.0).cost
    return {
        "moved": round(moved, 4),
        "optimal": round(optimal, 4),
        "ratio": round(moved / optimal, 3),
        "modes": coverage.modes,
        "share within 3σ": round(coverage.share, 4),
        "reverse KL": round(coverage.reverse_kl, 4),
        "width": round(metrics.mode_widths(samples, exact.means, exact.std).ratio, 3),
    }


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed; the row has the samples of a few latents too, the same ones in all rows."""
    kept: dict[str, Any] = {}

    def measure(built: Built) -> dict[str, float]:
        generator = built.result.eval()
        _, x = pairs(generator, N_KEPT)
        kept["map"] = [[round(number, 3) for number in point] for point in x.tolist()]
        return judge(generator, n_samples)

    return row_of(trial, measure) | kept


def distance_between(maps: list[list[list[float]]]) -> float:
    """Mean squared distance of the samples that two trainings make of one latent, over pairs of trainings.

    Args:
        maps: samples of the same latents, one list of points for each training.

    Raises:
        ValueError: there are fewer than two maps.

    >>> distance_between([[[0.0, 0.0]], [[3.0, 4.0]]])
    25.0
    """
    if len(maps) < 2:
        raise ValueError(f"{len(maps)} map; pass at least two")
    points = torch.tensor(maps, dtype=torch.float64)
    i, j = torch.triu_indices(len(maps), len(maps), offset=1)
    return (points[i] - points[j]).square().sum(-1).mean().item()


table = Experiment(
    "transport-term",
    "which map from latents to the grid a GAN learns, and whether a cheap one finds more modes",
    methods,
    seeds=range(5),
    n_samples=2500,
    play=play,
)
