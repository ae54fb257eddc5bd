"""Recordings of trainings and of samples, and the command that makes them: `python -m gancourse.widgets.record ring`.

A training amplifies rounding errors, so that its samples differ from processor to processor. What a page scrubs
through must not: it is recorded once, and the recording lies in the package. So do pictures, whose files' bytes depend
on the version of the library that compresses them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gancourse import zoo
from gancourse.data import ring, two_classes
from gancourse.games import ACGAN, GAN, Player, penalty
from gancourse.metrics import label_agreement, mode_coverage
from gancourse.models import AuxiliaryMLP, mlp
from gancourse.objectives import non_saturating, r1
from gancourse.plots.pictures import scatter, sheet, small_png
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam, linear
from gancourse.widgets.steering import record_faces
from gancourse.widgets.stored import FOLDER, PICTURES, Pictures, Recording, save, save_pictures


def record_ring(seed: int = 0, n_steps: int = 1500, n_points: int = 160) -> Recording:
    """The training of chapter 2: eight Gaussians on a circle; the generator without averaging, the same latents always.

    Args:
        seed: of networks, training and judgement.
        n_steps: as many steps are played.
        n_points: points kept of each frame; the curves judge 4096.
    """
    data, latent_size = ring(n_modes=8, radius=2.0, std=0.1), 8
    torch.manual_seed(seed)
    generator, discriminator = mlp.Generator(latent_size), mlp.Discriminator()
    trainer = Trainer(
        GAN(generator, discriminator, non_saturating, [penalty(r1, weight=0.1, every=4)]),
        data,
        batch_size=128,
        seed=seed,
        optimiser=adam(3e-3, beta2=0.99),
        averages={"generator": 10.0},
        schedule=linear(n_steps, start=n_steps // 2),
    )
    judge = Noise((seed, "judge"), 4096)
    z = judge.normal("z", latent_size)
    wanted = [n for n in (0, 10, 25, 50, 75, *range(100, 300, 25), *range(300, 600, 50)) if n < n_steps]
    wanted += [*range(600, n_steps, 100), n_steps]
    frames, modes, shares = [], [], []
    for step in _looks(trainer, n_steps, wanted):
        with torch.no_grad():
            samples = generator(z)
        coverage = mode_coverage(samples, data.means, data.std)
        frames.append((step, samples[:n_points].double().numpy()))
        modes.append(coverage.modes)
        shares.append(round(coverage.share, 3))
    about = _about(
        "ring",
        seed,
        data="ring of 8 Gaussians, radius 2, std 0.1",
        game="non-saturating, R1 with weight 0.1 every 4 steps, Adam 3e-3 (0.5, 0.99), batches of 128",
    )
    return Recording(frames, data(judge).x[:n_points].double().numpy(), {"modes": modes, "share": shares}, about)


def record_acgan(seed: int = 0, n_steps: int = 700, n_points: int = 160) -> Recording:
    """The AC-GAN of chapter 10 on two overlapping classes: its samples for class 1, before the data's.

    Args:
        seed: of networks, training and judgement.
        n_steps: as many steps are played.
        n_points: points kept of each frame; the curves judge 4096.
    """
    data, family = two_classes(), AuxiliaryMLP()
    with initialised_from(seed, "game"):
        generator, discriminator = family.generator(data.signature), family.discriminator(data.signature)
        head = family.class_head(data.signature)
    trainer = Trainer(
        ACGAN(generator, discriminator, head, non_saturating, [penalty(r1, 0.5)]),
        data,
        batch_size=256,
        seed=seed,
        optimiser=adam(3e-3, beta1=0.0, beta2=0.99),
        schedule=linear(n_steps, start=n_steps // 2),
    )
    judge = Noise((seed, "judge"), 4096)
    z, y = judge.normal("z", generator.latent_size), torch.ones(4096, dtype=torch.long)
    real = data(judge)
    wanted = [n for n in (*range(0, 100, 10), *range(100, 300, 25), *range(300, n_steps, 50)) if n < n_steps]
    frames, agreements, spreads = [], [], []
    for step in _looks(trainer, n_steps, (*wanted, n_steps)):
        with torch.no_grad():
            samples = generator(z, y)
        frames.append((step, samples[:n_points].double().numpy()))
        agreements.append(round(label_agreement(data.posterior(samples).argmax(1), y, 2).share, 3))
        spreads.append(round(samples[:, 0].std().item(), 3))
    about = _about(
        "acgan",
        seed,
        data="class 1 of two Gaussians at (±1, 0), std 1",
        game="AC-GAN, non-saturating, R1 with weight 0.5, Adam 3e-3 (0, 0.99), batches of 256",
    )
    curves = {"agreement": agreements, "class sd": spreads}
    return Recording(frames, real.x[real.y == 1][:n_points].double().numpy(), curves, about)


def _looks(trainer: Trainer, n_steps: int, wanted: Collection[int]) -> Iterator[int]:
    """Play so many steps and stop at some: numbers of steps played, the first of them 0."""
    yield 0
    for step in trainer.steps(n_steps):
        if step.index + 1 in wanted:
            yield step.index + 1


@torch.no_grad()
def record_digits(seed: int = 0, n_shown: int = 16, n_columns: int = 8, n_judged: int = 1000) -> Pictures:
    """The zoo's conditional digits of chapter 10, for each label from the same latents.

    Args:
        seed: of the latents.
        n_shown: samples in a picture.
        n_columns: samples in a row of it.
        n_judged: samples a label that the zoo's classifier names.
    """
    generator, classifier = zoo.load("projection-digits"), zoo.load("digits-classifier")
    z = Noise((seed, "samples"), n_judged).normal("z", generator.latent_size)
    frames = {}
    for label in range(10):
        y = torch.full((n_judged,), label)
        samples = torch.cat([generator(*part) for part in zip(z.split(250), y.split(250), strict=True)])
        named = sum((classifier(part).argmax(1) == label).sum().item() for part in samples.split(250))
        text = f"{label}: {named:,} of {n_judged:,} samples are named {label}"
        frames[text] = small_png(sheet(samples[:n_shown], n_columns, side=0))
    about = _about("digits-by-label", seed, generator="projection-digits")
    return Pictures(frames, about)


@torch.no_grad()
def record_walk(seed: int = 0, n_pairs: int = 4, n_frames: int = 11) -> Pictures:
    """Chapter 9's walks between latents of the zoo's DCGAN of faces: above on the line, below on the arc.

    Args:
        seed: of the latents at both ends.
        n_pairs: walks side by side.
        n_frames: pictures, both ends included.
    """
    generator = zoo.load("dcgan-faces")
    first, last = (Noise((seed, "ends", end), n_pairs).normal("z", generator.latent_size) for end in (0, 1))
    angle = torch.nn.functional.cosine_similarity(first, last, dim=1).acos()[:, None]
    frames = {}
    for i in range(n_frames):
        t = i / (n_frames - 1)
        line = (1 - t) * first + t * last
        arc = (((1 - t) * angle).sin() * first + (t * angle).sin() * last) / angle.sin()
        norms = [f"{z.norm(dim=1).mean():.1f}" for z in (line, arc)]
        text = f"{t:.1f}: mean norm {norms[0]} on the line, {norms[1]} on the arc"
        frames[text] = small_png(sheet(generator(torch.cat([line, arc])), n_pairs, side=0), n_colours=48)
    about = _about("walk", seed, generator="dcgan-faces")
    return Pictures(frames, about)


class _Updates(NamedTuple):
    """A game that is nothing but its players."""

    players: tuple[Player, ...]


def record_updates(seed: int = 0, n_steps: int = 1200, n_points: int = 250, side: int = 160) -> Pictures:
    """Chapter 5's games beside each other: ten updates of G to one of D, and one to one with R1.

    Args:
        seed: of networks and training.
        n_steps: as many steps are played.
        n_points: points drawn of each cloud; all 1,000 samples are counted.
        side: of each of both pictures, in pixels.
    """
    data, latent_size = ring(n_modes=8, radius=2.0, std=0.1), 8
    z = Noise((0, "look"), 1000).normal("z", latent_size)
    wanted = sorted({n for n in (*range(10, 250, 10), *range(250, n_steps, 100), n_steps) if n <= n_steps})
    clouds: list[list[Tensor]] = []
    for updates, terms in ((10, ()), (1, (penalty(r1, 0.1),))):
        with initialised_from(seed):
            generator, discriminator = mlp.Generator(latent_size, 64), mlp.Discriminator(64)
        d, g = GAN(generator, discriminator, non_saturating, terms).players
        game = _Updates((d, g._replace(updates=updates)))
        trainer = Trainer(game, data, batch_size=128, seed=seed, optimiser=adam(1e-3))
        clouds.append([generator(z).detach() for _ in _looks(trainer, n_steps, wanted)][1:])
    real = data(Noise((0, "real"), n_points)).x
    frames = {}
    for step, *pair in zip(wanted, *clouds, strict=True):
        shares = [mode_coverage(x, data.means, data.std).nearest.max().item() / len(x) for x in pair]
        text = f"{step}: the fullest mode has {shares[0]:.0%} of the samples, and {shares[1]:.0%}"
        left, right = (scatter(real, x[:n_points], side) for x in pair)
        rule = np.full((side, 2, 3), 160, dtype=np.uint8)
        frames[text] = small_png(np.concatenate([left, rule, right], 1), n_colours=8)
    about = _about(
        "updates",
        seed,
        game="non-saturating, Adam 1e-3 (0.5, 0.999), batches of 128; 10 : 1, and 1 : 1 with R1 of weight 0.1",
    )
    return Pictures(frames, about)


def _about(name: str, seed: int, **facts: str) -> dict[str, object]:
    """What a recording says of itself: the command that makes it, its seed, facts and PyTorch's version."""
    command = f"python -m gancourse.widgets.record {name}"
    return {"command": command, "seed": seed, **facts, "torch": torch.__version__.split("+")[0]}


RECORDINGS: dict[str, Callable[[], Recording | Pictures]] = {
    "ring": partial(record_ring, seed=0),
    "acgan": partial(record_acgan, seed=0),
    "digits-by-label": partial(record_digits, seed=0),
    "stylegan2-faces": record_faces,
    "updates": partial(record_updates, seed=0),
    "walk": partial(record_walk, seed=0),
}


def main(arguments: list[str] | None = None) -> int:
    """Record what the command line names."""
    parser = argparse.ArgumentParser(description="Record a training for a page to scrub through.")
    parser.add_argument("name", choices=sorted(RECORDINGS))
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write to (default: the package's)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    record = RECORDINGS[options.name]()
    path = options.out / f"{options.name}.npz"
    if isinstance(record, Pictures):
        path = options.out / PICTURES.name / path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_pictures(record, path)
    else:
        save(record, path)
    print(f"{path.name}: {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
