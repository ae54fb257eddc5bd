"""The experiment "strong-start": what a generator learns from a discriminator that is far ahead of it."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import SGD

from gancourse import metrics, objectives, rng
from gancourse.data import ring
from gancourse.errors import NotFiniteError
from gancourse.experiments.table import Experiment
from gancourse.games import GAN, Game
from gancourse.models import mlp
from gancourse.training import Trainer, adam
from gancourse.training.optimisers import MakeOptimiser
from gancourse.values import Count, Positive, Value

DATA = ring(n_modes=8, radius=2.0, std=0.1)
LATENT_SIZE, BATCH = 8, 128
D_RATE = 1e-3
"""Of Adam, with which the discriminator learns in every run."""
EARLY = 200
"""Steps after which a row's `trace` has its first entry."""


@dataclass(frozen=True)
class StrongStart(Value):
    """A generator that starts against a discriminator trained before it.

    Args:
        objective: whose losses the players have; the discriminator's is the same in all that are compared.
        signal: what the generator's optimiser follows: the gradient of its loss in the game, or as a control random
            numbers, the same at every step ("one random direction") or new ones ("random directions").
        optimiser: of the generator.
        rate: its learning rate.
        head_start: updates of the discriminator alone, before the game.
        steps: of the game.
        seed: of the networks, the game and the judgement.
    """

    objective: str = "non-saturating"
    signal: Literal["gradient", "one random direction", "random directions"] = "gradient"
    optimiser: Literal["gradient descent", "Adam"] = "gradient descent"
    rate: Positive = 0.1
    head_start: Count = 500
    steps: Count = 2000
    seed: int = 0


class _Alone:
    """A game in which the discriminator alone moves."""

    def __init__(self, game: GAN) -> None:
        self.players = game.players[:1]


def play(method: str, settings: StrongStart, n_samples: int) -> dict[str, Any]:
    """Play the game and judge n_samples of the generator's samples, early and at the end.

    Of the metrics, `modes` and `share` are those of `mode_coverage`; `moved` is how far the samples are from where
    they began, and `nearer` how much nearer to their clusters they are, both on average. A number that is not finite
    ends the game and is recorded as "diverged"; what was measured before is kept in the trace.

    Raises:
        ValueError: there is no such objective.
    """
    torch.manual_seed(settings.seed)
    generator, discriminator = mlp.Generator(LATENT_SIZE), mlp.Discriminator()
    before = deepcopy(generator)
    # The head start is the non-saturating game's, but D's turn is the same in both.
    game = _Alone(GAN(generator, discriminator, objectives.non_saturating))
    for _ in _trainer(game, settings, adam(D_RATE)).steps(settings.head_start):
        pass
    row: dict[str, Any] = {"steps": 0, "trace": [], "metrics": {}}
    try:
        for step in _steps(generator, discriminator, settings):
            row["steps"] = step
            if step in (EARLY, settings.steps):
                row["metrics"] = _judge(generator, before, settings.seed, n_samples)
                row["trace"].append({"steps": step} | row["metrics"])
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    return row


def _steps(generator: nn.Module, discriminator: nn.Module, settings: StrongStart) -> Iterator[int]:
    """The steps of the game, or of the control, counted from 1."""
    makers = {"gradient descent": partial(SGD, lr=settings.rate), "Adam": adam(settings.rate)}
    make = makers[settings.optimiser]
    if settings.signal == "gradient":
        game = GAN(generator, discriminator, objectives.objective(settings.objective))
        for step in _trainer(game, settings, {"discriminator": adam(D_RATE), "generator": make}).steps(settings.steps):
            yield step.index + 1
        return
    optimiser = make(generator.parameters())
    for step in range(settings.steps):
        draw = step if settings.signal == "random directions" else 0
        for i, weights in enumerate(generator.parameters()):
            source = rng.generator(settings.seed, "random gradient", i, draw)
            weights.grad = torch.randn(weights.shape, generator=source)
        optimiser.step()
        yield step + 1


def _trainer(game: Game, settings: StrongStart, optimiser: MakeOptimiser | dict[str, MakeOptimiser]) -> Trainer:
    return Trainer(game, DATA, batch_size=BATCH, seed=settings.seed, optimiser=optimiser)


@torch.no_grad()
def _judge(generator: nn.Module, before: nn.Module, seed: int, n_samples: int) -> dict[str, float]:
    """Metrics of a generator, beside the one that it was."""
    z = rng.Noise((seed, "judge"), n_samples).normal("z", LATENT_SIZE)
    samples, first = generator(z), before(z)
    coverage = metrics.mode_coverage(samples, DATA.means, DATA.std)
    moved = (samples - first).norm(dim=1).mean().item()
    nearer = _distance(first) - _distance(samples)
    row = {"modes": coverage.modes, "share": round(coverage.share, 3)}
    return row | {"moved": round(moved, 3), "nearer": round(nearer, 2)}


def _distance(samples: Tensor) -> float:
    """From the nearest centre of a cluster, on average."""
    return torch.cdist(samples, DATA.means).min(1).values.mean().item()


LOSSES = ("minimax", "non-saturating")
RATES = (0.1, 0.3, 1.0, 3.0, 10.0)
methods: dict[str, StrongStart] = {
    f"gradient descent {rate:g}, {loss}": StrongStart(loss, rate=rate) for rate in RATES for loss in LOSSES
}
methods |= {f"Adam, {loss}": StrongStart(loss, optimiser="Adam", rate=1e-3) for loss in LOSSES}
methods |= {
    f"Adam, {signal}": StrongStart(signal=signal, optimiser="Adam", rate=1e-3)
    for signal in ("one random direction", "random directions")
}
table = Experiment(
    "strong-start",
    "what a generator learns from a discriminator that had 500 updates before, by its loss and its optimiser",
    methods,
    seeds=range(5),
    n_samples=4096,
    play=play,
)
