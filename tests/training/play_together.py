"""Trains small games in as many processes as the environment says, and leaves their weights in a file.

Run as `python play_together.py FILE PROCESSES [GAME …]`; the tests start it. With no game named, it plays all of them,
and some of them wrongly.
"""

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from gancourse import data, models, objectives, processes
from gancourse.games import (
    GAN,
    BoundaryEquilibrium,
    Consensus,
    FeatureMatching,
    PullAway,
    Several,
    Unrolled,
    packing,
    penalty,
)
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference
from gancourse.processes import Part
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam, join, write_tensors

RING, DIGITS = data.ring(std=0.1), data.digits("test")
R1, LAZY_R1, R2 = penalty(objectives.r1, 0.1), penalty(objectives.r1, 0.1, every=4), penalty(objectives.r2, 0.1)
SLOPE = penalty(objectives.gradient_penalty, 10.0)


def points(objective=objectives.non_saturating, *penalties, m=1, **settings):
    generator, critic = models.mlp.Generator(4, 16), models.mlp.Discriminator(16, dimensions=2 * m, **settings)
    return GAN(generator, critic, objective, penalties, views=[packing(m)] if m > 1 else [])


def images(*penalties):
    return GAN(models.dcgan.Generator(8, 4), models.dcgan.Discriminator(4), objectives.non_saturating, penalties)


def spectral():
    critic = models.spectral.spectral_normalised(models.mlp.Discriminator(16))
    return GAN(models.mlp.Generator(4, 16), critic, objectives.hinge, n_critic=2)


def with_reference():
    generator = models.mlp.Generator(4, 16, norm=lambda width: VirtualBatchNorm(width, 8))
    return GAN(WithReference(generator, torch.randn(8, 4)), models.mlp.Discriminator(16), objectives.non_saturating)


def matching():
    game = points()
    return FeatureMatching(game, game.discriminator.features)


def energy_based():
    critic = models.AutoencoderCritic(models.mlp.Encoder(4, 16), models.mlp.Generator(4, 16))
    return PullAway(GAN(models.mlp.Generator(4, 16), critic, objectives.ebgan(1.0)), critic.features)


def equilibrium():
    critic = models.AutoencoderCritic(models.mlp.Encoder(4, 16), models.mlp.Generator(4, 16))
    return BoundaryEquilibrium(models.mlp.Generator(4, 16), critic, rate=0.1)


def several():
    generator = models.mlp.Generator(4, 16)
    critics = (models.mlp.Discriminator(16) for _ in range(2))
    return Several([GAN(generator, critic, objectives.non_saturating) for critic in critics], temper=5.0)


GAMES = {
    "GAN with R1": (lambda: points(objectives.non_saturating, R1), RING),
    "WGAN-GP": (lambda: points(objectives.wasserstein, SLOPE), RING),
    "spectral norm": (spectral, RING),
    "BatchNorm": (images, DIGITS),
    "BatchNorm with lazy R1 and R2": (lambda: images(LAZY_R1, R2), DIGITS),
    "relativistic average": (lambda: points(objectives.relativistic_average, R1), RING),
    "softmax": (lambda: points(objectives.objective("softmax")), RING),
    "packing with a gradient penalty": (lambda: points(objectives.wasserstein, SLOPE, m=2), RING),
    "dropout": (lambda: points(dropout=0.3), RING),
    "minibatch discrimination": (lambda: points(objectives.non_saturating, R1, n_kernels=4), RING),
    "virtual batch norm": (with_reference, RING),
    "feature matching": (matching, RING),
    "pull-away": (energy_based, RING),
    "boundary equilibrium": (equilibrium, RING),
    "several": (several, RING),
    "unrolled": (lambda: Unrolled(points(), 2, 0.01), RING),
    "consensus": (lambda: Consensus(points(), 0.1), RING),
}
NAMED = ("GAN with R1", "WGAN-GP", "spectral norm")
SABOTAGES = ("noise", "gradients")
N_STEPS, N_STEPS_OF_OTHERS = 50, 4


def play(name: str, sabotage: str = "") -> dict[str, torch.Tensor]:
    """Weights, buffers and averages after training one game."""
    make, batches = GAMES[name]
    with initialised_from(0, "test"):
        game = make()
    # Not Adam for all: where a gradient is zero but for rounding, as of a bias in front of BatchNorm, it makes a full
    # step in the direction of the rounding.
    optimiser = adam(1e-3) if name in NAMED else partial(torch.optim.SGD, lr=0.05, momentum=0.5)
    trainer = Trainer(game, batches, batch_size=16, seed=7, optimiser=optimiser, averages={"generator": 0.1})
    if sabotage == "noise":  # each process draws a batch of its own
        draw = trainer.noise
        trainer.noise = lambda player: replace(draw(player), part=Part(), key=(trainer.part.index,))
    if sabotage == "gradients":  # nothing is shared
        trainer._shared = lambda terms, gradients: {k: v.detach() for k, v in terms.items()}
    for _ in trainer.steps(N_STEPS if name in NAMED else N_STEPS_OF_OTHERS):
        pass
    networks = {p.name: p.network for p in game.players} | {p.name + "'s": p.memory for p in game.players if p.memory}
    networks |= {"average": trainer.averages["generator"].network}
    return {f"{name}/{n}/{k}": v.clone() for n, net in networks.items() for k, v in net.state_dict().items()}


def main(file: str, n_processes: int, names: list[str]) -> None:
    """Join the others, play, and write."""
    torch.set_num_threads(1)
    join(torch.device("cpu"), n_processes)
    found = {}
    for name in names or GAMES:
        found |= play(name)
    for name in () if names else NAMED:
        for sabotage in SABOTAGES:
            found |= {f"{sabotage}: {key}": value for key, value in play(name, sabotage).items()}
    if processes.mine().index == 0:
        write_tensors(Path(file), found, {})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
