"""The experiment "path-lengths": perceptual path length in Z and in W, without a mapping, with one, and penalised."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from gancourse import metrics, objectives, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, Built, build, recipe
from gancourse.recipes.terms import PathLength
from gancourse.rng import Noise

STEPS = 2_000
N_PATHS, BATCH = 500, 50
EXTRACTOR = "faces-regressor"
_BASE = recipe("stylegan2-faces").changed(widths=(64, 48, 32, 24), steps=STEPS, average_kimg=5.0)

methods: dict[str, Trial] = {
    name: Trial(changed, Arithmetic(fast=True))
    for name, changed in {
        "no mapping": _BASE.changed(depth=0),
        "mapping": _BASE,
        "mapping, penalty": _BASE.changed(terms=(*_BASE.play.terms, PathLength())),
    }.items()
}
"""Narrower than the recipe; without a mapping, a style is the normalised latent."""


def _drawn(generator: nn.Module, n: int) -> tuple[Noise, Tensor, Tensor, Tensor]:
    """Random numbers by name, and two latents and the layers' noise of n paths, in float64."""
    noise = Noise((0, "path lengths"), n)
    z0, z1 = (noise.normal(end, generator.latent_size).double() for end in ("z0", "z1"))
    return noise, z0, z1, noise.normal("noise", generator.n_noise).double()


def _in_double(built: Built) -> nn.Module:
    """A copy of the averaged generator."""
    return copy.deepcopy(built.result).eval().double()


@torch.no_grad()
def lengths(built: Built, n_paths: int) -> dict[str, float]:
    """Perceptual path lengths of the averaged generator, in float64, by the features of the faces' regressor.

    In Z, paths are arcs between two latents; in W, straight lines between the styles of the same latents, so both kinds
    have the same ends. Each path has noise of its own, which doesn't change along it. A generator of little variety has
    short paths, so each mean is also divided by the mean squared distance of the ends' features: the ratio is at least
    1 in expectation, and 1 for features that move straight and at an even speed.

    Returns:
        Means over the paths, the mean squared distance of their ends, and the two ratios.
    """
    generator, regressor = _in_double(built), copy.deepcopy(zoo.load(EXTRACTOR)).double()
    noise, *ends, maps = _drawn(generator, n_paths)
    t = noise.uniform("t").double()
    values: dict[str, list[Tensor]] = {"Z": [], "W": [], "ends": []}
    for part in torch.arange(n_paths).split(BATCH):
        own, (z0, z1) = maps[part], (end[part] for end in ends)

        def images(w: Tensor, own: Tensor = own) -> Tensor:
            return generator.synthesis(generator.repeated(w), own)

        def of_latents(z: Tensor) -> Tensor:
            return images(generator.mapping(z))

        w0, w1 = generator.mapping(z0), generator.mapping(z1)
        length = metrics.perceptual_path_length
        values["Z"].append(length(of_latents, regressor.features, z0, z1, t[part]))
        values["W"].append(length(images, regressor.features, w0, w1, t[part], spherical=False))
        change = regressor.features(images(w1)) - regressor.features(images(w0))
        values["ends"].append(change.square().flatten(1).sum(1))
    means = {name: torch.cat(parts).mean().item() for name, parts in values.items()}
    named = {f"path length in {space}": means[space] for space in "ZW"}
    named |= {"squared distance of ends": means["ends"]}
    named |= {f"path length in {space} / distance": means[space] / means["ends"] for space in "ZW"}
    return {metrics.label(name, EXTRACTOR, n_paths): value for name, value in named.items()}


def spread(built: Built, n: int) -> dict[str, float]:
    """What the penalty sees: the lengths |Jᵀy| of n samples' images, with one direction y each, as in training.

    Returns:
        Their mean, and their standard deviation divided by it, which the penalty makes small.
    """
    generator = _in_double(built).requires_grad_(False)
    noise, z, _, maps = _drawn(generator, n)
    parts = []
    for part in torch.arange(n).split(BATCH):
        w = generator.repeated(generator.mapping(z[part])).requires_grad_()
        images = generator.synthesis(w, maps[part])
        y = noise.normal("y", *images.shape[1:])[part].double()
        parts.append(objectives.path_lengths(images, w, y / images[0, 0].numel() ** 0.5).detach())
    values = torch.cat(parts)
    named = {"length of Jᵀy": values.mean(), "spread of Jᵀy": values.std() / values.mean()}
    return {metrics.label(name, "pixels", n): value.item() for name, value in named.items()}


def measure(built: Built, n_samples: int) -> dict[str, float]:
    """Path lengths, the spread of what the penalty sees, and the Fréchet distance of samples from as many faces."""
    extractor = zoo.extractor(EXTRACTOR)
    real, samples = built.source.first(n_samples).x, built.samples(n_samples)
    distance = metrics.frechet_distance(extractor(real), extractor(samples))
    name = metrics.label("fid", EXTRACTOR, n_samples, n_samples)
    n = min(N_PATHS, n_samples)
    return lengths(built, n) | spread(built, n) | {name: distance}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and measure it at the end; the same of its initial weights, as a baseline."""
    initial, n = build(trial.recipe, arithmetic=trial.arithmetic), min(N_PATHS, n_samples)
    untrained = {f"untrained {name}": value for name, value in (lengths(initial, n) | spread(initial, n)).items()}
    row = row_of(trial, lambda built: measure(built, n_samples))
    return row | {"metrics": row["metrics"] and row["metrics"] | untrained}


table = Experiment(
    "path-lengths",
    "whether the styles of a mapping make shorter paths than latents without one, and what the penalty adds",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
