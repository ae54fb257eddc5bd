"""What each remedy against mode collapse is worth on the ring and on the grid, one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from gancourse import data, metrics, models, objectives, zoo
from gancourse.data import Mixture
from gancourse.experiments.table import Experiment
from gancourse.games import (
    GAN,
    FeatureMatching,
    Game,
    HistoricalAveraging,
    ModeRegularised,
    PullAway,
    Several,
    Term,
    Unrolled,
    View,
    annealed,
    instance_noise,
    label_flipping,
    packing,
    penalty,
)
from gancourse.models.mlp import Discriminator, Encoder, Generator
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference
from gancourse.objectives import Objective, label_smoothing, non_saturating
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, linear

LATENT_SIZE, N_REFERENCE = 4, 32


@dataclass(frozen=True)
class Remedy:
    """One change to the plain GAN.

    Args:
        name: which, one of `REMEDIES`.
        target: the mixture.
        hidden: units of each hidden layer.
        depth: hidden layers of both networks.
        steps: generator updates.
        batch_size: samples per update.
        learning_rate: Adam's rate at the start; it falls linearly to zero.
        average_kimg: half-life, in thousand samples, of the averaged generator that is judged; 0 for the last one.
        seed: all randomness is derived from it.
    """

    name: str
    target: Literal["ring", "grid"]
    hidden: int = 64
    depth: int = 2
    steps: int = 2000
    batch_size: int = 128
    learning_rate: float = 3e-3
    average_kimg: float = 0.0
    seed: int = 0


def mixture(target: Literal["ring", "grid"]) -> Mixture:
    """The papers' ring (radius 1, σ 0.01) or grid (spacing 2, σ 0.05), divided by its root mean square coordinate.

    The division is preprocessing, the same for every method: without it, one learning rate would not suit both.
    """
    exact = data.ring(radius=1.0, std=0.01) if target == "ring" else data.grid(spacing=2.0, std=0.05)
    scale = exact.means.square().mean().sqrt()
    return Mixture(exact.means / scale, exact.std / scale.item())


class Networks(NamedTuple):
    """The networks that every remedy starts from; each call makes a new one.

    Args:
        hidden: units of each hidden layer.
        depth: hidden layers.
    """

    hidden: int
    depth: int

    def generator(self, tanh: bool = False, **changes: Any) -> Generator:
        """Latents of four numbers to points, with ReLU or with tanh."""
        if tanh:
            changes |= {"activation": nn.Tanh, "latent_scale": 6.0}
        return Generator(LATENT_SIZE, self.hidden, self.depth, **changes)

    def critic(self, **changes: Any) -> Discriminator:
        """Points, or packs of them, to scores."""
        return Discriminator(self.hidden, self.depth, **changes)

    def encoder(self, n_out: int) -> Encoder:
        """Points to codes."""
        return Encoder(n_out, self.hidden, self.depth)

    def gan(self, objective: Objective = non_saturating, *terms: Term, tanh: bool = False) -> GAN:
        """The game that a remedy changes."""
        return GAN(self.generator(tanh), self.critic(), objective, terms)


def _viewed(n: Networks, view: View) -> GAN:
    return GAN(n.generator(), n.critic(), non_saturating, views=[view])


def _packed(n: Networks, m: int) -> GAN:
    return GAN(n.generator(), n.critic(dimensions=2 * m), non_saturating, views=[packing(m)])


def _with_reference(n: Networks) -> GAN:
    # The reference latents are drawn once, with the weights.
    generator = n.generator(norm=lambda width: VirtualBatchNorm(width, N_REFERENCE))
    return GAN(WithReference(generator, torch.randn(N_REFERENCE, LATENT_SIZE)), n.critic(), non_saturating)


def _energy_based(n: Networks) -> Game:
    critic = models.AutoencoderCritic(n.encoder(8), Generator(8, n.hidden, n.depth))
    return PullAway(GAN(n.generator(), critic, objectives.ebgan(margin=1.0)), critic.features)


def _matching(n: Networks) -> Game:
    game = n.gan()
    return FeatureMatching(game, game.discriminator.features)


def _several(n: Networks, count: int) -> Game:
    generator = n.generator()
    return Several([GAN(generator, n.critic(), non_saturating) for _ in range(count)])


R1, R2 = penalty(objectives.r1, 0.1), penalty(objectives.r2, 0.1)
PAIRING = objectives.relativistic_pairing
NOISE = annealed(0.5, 0.005, 1500)

REMEDIES: dict[str, Callable[[Networks], Game]] = {
    "GAN": lambda n: n.gan(),
    "one-sided label smoothing": lambda n: n.gan(label_smoothing(real=0.9)),
    "label flipping": lambda n: _viewed(n, label_flipping(0.05)),
    "instance noise": lambda n: _viewed(n, instance_noise(NOISE)),
    "dropout in D": lambda n: GAN(n.generator(), n.critic(dropout=0.3), non_saturating),
    "feature matching": _matching,
    "minibatch discrimination": lambda n: GAN(n.generator(), n.critic(n_kernels=4), non_saturating),
    "historical averaging": lambda n: HistoricalAveraging(n.gan(), 0.01),
    "virtual batch norm in G": _with_reference,
    "two time scales": lambda n: n.gan(),
    "unrolled, 3 steps": lambda n: Unrolled(n.gan(), 3, 0.001),
    "packing 2": lambda n: _packed(n, 2),
    "packing 4": lambda n: _packed(n, 4),
    "three discriminators": lambda n: _several(n, 3),
    "mode regularisation": lambda n: ModeRegularised(n.gan(), n.encoder(LATENT_SIZE), 0.2, 0.4),
    "energy-based D": _energy_based,
    "R1": lambda n: n.gan(non_saturating, R1),
    "relativistic + R1 + R2": lambda n: n.gan(PAIRING, R1, R2),
    "tanh in G": lambda n: n.gan(tanh=True),
    "tanh in G, R1": lambda n: n.gan(non_saturating, R1, tanh=True),
    "tanh in G, relativistic + R1 + R2": lambda n: n.gan(PAIRING, R1, R2, tanh=True),
}
"""Games by the remedy's name, as functions of the networks that they are made of."""

SLOWED = {"two time scales": {"generator": 0.25}}
"""What players' learning rates are multiplied by, where a remedy asks for it."""


def build(remedy: Remedy) -> Trainer:
    """The trainer of one remedy.

    Raises:
        KeyError: there is no remedy of that name.
    """
    with initialised_from(remedy.seed, "weights"):
        game = REMEDIES[remedy.name](Networks(remedy.hidden, remedy.depth))
    slowed = SLOWED.get(remedy.name, {})
    # Fused: networks this small spend a fifth of their time in the plain Adam's Python.
    optimiser = {
        player.name: partial(
            torch.optim.Adam, lr=remedy.learning_rate * slowed.get(player.name, 1.0), betas=(0.0, 0.99), fused=True
        )
        for player in game.players
    }
    return Trainer(
        game,
        mixture(remedy.target),
        batch_size=remedy.batch_size,
        seed=remedy.seed,
        optimiser=optimiser,
        schedule=linear(remedy.steps),
        averages={"generator": remedy.average_kimg} if remedy.average_kimg else None,
    )


def judge(generator: nn.Module, target: Literal["ring", "grid"], n_samples: int) -> dict[str, float]:
    """What a generator's samples reach of a mixture: by its known modes, and by a detector that doesn't know them.

    Raises:
        NotFiniteError: a sample isn't finite.
    """
    exact = mixture(target)
    made = zoo.samples(generator, n_samples)
    found = metrics.mode_coverage(made, exact.means, exact.std)
    detector = metrics.CollapseDetector(exact(Noise((0, "collapse detector"), 5000)).x, n_cells=32)
    variety = detector(made[:1000])
    return {
        "modes": found.modes,
        "share within 3σ": round(found.share, 4),
        "reverse KL": round(found.reverse_kl, 4),
        "lost": round(variety.lost, 4),
        "alarm": int(variety.collapsed),
        # What an alarm should say: the share of the true modes that got less than half of what is theirs.
        "truly lost": round((found.nearest < n_samples / len(exact.means) / 2).double().mean().item(), 4),
    }


def play(method: str, remedy: Remedy, n_samples: int) -> dict[str, Any]:
    """Train one remedy and judge its generator.

    Raises:
        NotFiniteError: a loss, a gradient or a sample isn't finite.
    """
    trainer = build(remedy)
    for _ in trainer.steps(remedy.steps):
        pass
    average = trainer.averages.get("generator")
    generator = average.network if average else trainer.players["generator"].network
    return {"steps": remedy.steps, "metrics": judge(generator.eval(), remedy.target, n_samples)}


def _table(target: Literal["ring", "grid"], about: str) -> Experiment:
    methods = {name: Remedy(name, target) for name in REMEDIES}
    last = "tanh in G, relativistic + R1 + R2"
    methods[f"{last}; larger, longer, averaged"] = Remedy(
        last, target, 128, 3, 5_000, learning_rate=2e-3, average_kimg=20.0
    )
    return Experiment(f"remedies-{target}", about, methods, seeds=range(10), n_samples=2500, play=play)


ring_remedies = _table("ring", "which remedies find all eight modes of the ring")
grid_remedies = _table("grid", "which remedies find all 25 modes of the grid")
