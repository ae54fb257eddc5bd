"""Trains small games in as many processes as the environment says, and leaves their weights in a file.

Run as `python play_together.py FILE PROCESSES [GAME …]`; the tests start it. With no game named, it plays all of them,
and some of them wrongly. Beside the games here, which are about layers and objectives, it plays an example of
everything that `gancourse.games` exports.
"""

import importlib.util
import sys
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch

from gancourse import data, models, objectives, processes
from gancourse.games import GAN, Term, packing, penalty
from gancourse.models.virtual_batch_norm import VirtualBatchNorm, WithReference
from gancourse.processes import Part
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam, join, write_tensors

EXAMPLES_FILE = Path(__file__).parents[1] / "games" / "examples.py"
_spec = importlib.util.spec_from_file_location("examples_of_games", EXAMPLES_FILE)
examples = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(examples)

RING, DIGITS, FACES = data.ring(std=0.1), data.digits("test"), data.Faces("test", condition="hair style")
R1, LAZY_R1, R2 = penalty(objectives.r1, 0.1), penalty(objectives.r1, 0.1, every=4), penalty(objectives.r2, 0.1)
OFF_DIAGONAL = Term("off_diagonal", "generator", lambda turn: objectives.off_diagonal(turn.generator), 0.01)
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


def biggan():
    family = models.BigGAN(latent_size=8, width=2, embedding_size=4, attention_at=16)
    return GAN(*family.pair(FACES.signature, FACES.signature), objectives.hinge, [OFF_DIAGONAL], n_critic=2)


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
    "BigGAN": (biggan, FACES),
}
GAMES |= {f"example: {name}": (example.make, example.batches) for name, example in examples.EXAMPLES.items()}
WRONG_GAMES = {"wrong: own rows": (examples.WRONG["own rows"].make, RING)}
NAMED = ("GAN with R1", "WGAN-GP", "spectral norm")
SABOTAGES = ("noise", "gradients")
N_STEPS, N_STEPS_OF_OTHERS = 50, 4


def _alone(terms: dict[str, torch.Tensor], gradients: list[torch.Tensor], part: Part) -> dict[str, torch.Tensor]:
    """What sharing gradients would be if nothing were shared."""
    return {name: value.detach() for name, value in terms.items()}


def play(name: str, sabotage: str = "") -> dict[str, torch.Tensor]:
    """Weights, buffers and averages after training one game."""
    make, batches = (GAMES | WRONG_GAMES)[name]
    with initialised_from(0, "test"):
        game = make()
    # Not Adam for all: where a gradient is zero but for rounding, as of a bias in front of BatchNorm, it makes a full
    # step in the direction of the rounding.
    optimiser = adam(1e-3) if name in NAMED else partial(torch.optim.SGD, lr=0.05, momentum=0.5)
    averages = {player.name: 0.1 for player in game.players if player.name == "generator"}
    trainer = Trainer(game, batches, batch_size=16, seed=7, optimiser=optimiser, averages=averages)
    if sabotage == "noise":  # each process draws a batch of its own
        draw = trainer.noise
        trainer.noise = lambda player: replace(draw(player), part=Part(), key=(trainer.part.index,))
    with patch("gancourse.training.trainer.all_reduce", _alone) if sabotage == "gradients" else nullcontext():
        for _ in trainer.steps(N_STEPS if name in NAMED else N_STEPS_OF_OTHERS):
            pass
    networks = {p.name: p.network for p in game.players} | {p.name + "'s": p.memory for p in game.players if p.memory}
    networks |= {f"{name}'s average": average.network for name, average in trainer.averages.items()}
    return {f"{name}/{n}/{k}": v.clone() for n, net in networks.items() for k, v in net.state_dict().items()}


def main(file: str, n_processes: int, names: list[str]) -> None:
    """Join the others, play, and write."""
    torch.set_num_threads(1)
    join(torch.device("cpu"), n_processes)
    found = {}
    for name in names or GAMES | WRONG_GAMES:
        found |= play(name)
    for name in () if names else NAMED:
        for sabotage in SABOTAGES:
            found |= {f"{sabotage}: {key}": value for key, value in play(name, sabotage).items()}
    if processes.mine().index == 0:
        write_tensors(Path(file), found, {})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
