"""The experiment "path-lengths": perceptual path length in Z and in W, without a mapping, with one, and penalised."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from gancourse import metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, Built, recipe
from gancourse.recipes.terms import PathLength
from gancourse.rng import Noise

STEPS = 2_500
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


@torch.no_grad()
def lengths(built: Built, n_paths: int) -> dict[str, float]:
    """Perceptual path lengths of the averaged generator, in float64, by the features of the faces' regressor.

    In Z, paths are arcs between two latents; in W, straight lines between the styles of the same latents. Each path has
    noise of its own, which doesn't change along it.

    Returns:
        Means over the paths.
    """
    generator = copy.deepcopy(built.result).eval().double()
    regressor = copy.deepcopy(zoo.load(EXTRACTOR)).double()
    noise = Noise((0, "path lengths"), n_paths)
    z = [noise.normal(end, generator.latent_size).double() for end in ("z0", "z1")]
    t, maps = noise.uniform("t").double(), noise.normal("noise", generator.n_noise).double()
    values: dict[str, list[Tensor]] = {"Z": [], "W": []}
    for part in torch.arange(n_paths).split(BATCH):
        own, (z0, z1) = maps[part], (ends[part] for ends in z)

        def images(w: Tensor, own: Tensor = own) -> Tensor:
            return generator.synthesis(generator.repeated(w), own)

        def of_latents(z: Tensor) -> Tensor:
            return images(generator.mapping(z))

        w0, w1 = generator.mapping(z0), generator.mapping(z1)
        length = metrics.perceptual_path_length
        values["Z"].append(length(of_latents, regressor.features, z0, z1, t[part]))
        values["W"].append(length(images, regressor.features, w0, w1, t[part], spherical=False))
    return {
        metrics.label(f"path length in {space}", EXTRACTOR, n_paths): torch.cat(found).mean().item()
        for space, found in values.items()
    }


def measure(built: Built, n_samples: int) -> dict[str, float]:
    """Both path lengths, and the Fréchet distance of samples from as many faces."""
    extractor = zoo.extractor(EXTRACTOR)
    real, samples = built.source.first(n_samples).x, built.samples(n_samples)
    distance = metrics.frechet_distance(extractor(real), extractor(samples))
    name = metrics.label("fid", EXTRACTOR, n_samples, n_samples)
    return lengths(built, min(N_PATHS, n_samples)) | {name: distance}


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and measure it at the end."""
    return row_of(trial, lambda built: measure(built, n_samples))


table = Experiment(
    "path-lengths",
    "whether the styles of a mapping make shorter paths than latents without one, and what the penalty adds",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
