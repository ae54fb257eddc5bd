"""Wrong arguments give an error that names them, and other spellings of right ones the same result.

The cases are made from kinds of arguments (`tests/bad_arguments.py`): each wrong one is tried on each argument of its
kind of each function below. An error counts if its class is right, its message names the argument, and it was raised
in the package and not in the depths of torch.
"""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

import gancourse
from gancourse import data, diffusion, metrics, models, objectives, plans, theory, training
from gancourse.batch import Batch
from gancourse.rng import Noise
from tests.bad_arguments import Kind, Wrong, count, function, labels, name, number, numbers, other, seed

PACKAGE = Path(gancourse.__file__).parent


class Call(NamedTuple):
    """A function, and the arguments that it is called with by name: values, or kinds to try wrong ones of."""

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any]

    def right(self) -> dict[str, Any]:
        return {key: part.value if isinstance(part, Kind) else part for key, part in self.arguments.items()}


def call(function: Callable[..., Any], label: str = "", /, **arguments: Any) -> Call:
    return Call(label or function.__qualname__, function, arguments)


def draw(*shape: int, key: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(key))


X, Y, Z = draw(24, 3), draw(20, 3, key=1) + 0.5, draw(16, 3, key=2)
WIDER = {"another width": draw(24, 4)}
LABELS = torch.arange(24) % 2
TEXT = {"text": "features"}


def normal(x: torch.Tensor) -> torch.Tensor:
    return -x[:, 0].square() / 2 - math.log(2 * math.pi) / 2


GRID = theory.interval(-9.0, 9.0, 201)
METRICS = [
    call(metrics.frechet_distance, real=numbers(X, more={"one sample": X[:1]} | WIDER), generated=numbers(Y, more={"one sample": Y[:1]} | WIDER)),
    call(metrics.frechet_extrapolated, real=numbers(X, more=WIDER), generated=numbers(Y, more=WIDER), sizes=other([4, 8, 16], text="sizes", negative=[-4, 8], huge=[8, 10**20], one=[8], floats=[4.5, 9.5], nan=[math.nan, 4]), seed=seed()),
    call(metrics.intra_class_frechet, real=numbers(X, more=WIDER), real_labels=labels(LABELS, None, "labels", "generated_labels"), generated=numbers(X + 1), generated_labels=labels(LABELS, 2, "labels", "generated_labels")),
    call(metrics.kernel_distance, real=numbers(X, more={"one sample": X[:1]} | WIDER), generated=numbers(Y, more=WIDER)),
    call(metrics.kernel_distance_subsets, real=numbers(X), generated=numbers(Y), subset_size=count(8, low=2, high=20), n_subsets=count(3), seed=seed()),
    call(metrics.inception_score, logits=numbers(X, more={"probabilities": X.softmax(1), "one-hot": torch.eye(3)}), n_splits=count(2, high=12), seed=seed(without=("None",))),
    call(metrics.precision_recall, real=numbers(X, more=WIDER), generated=numbers(Y, more=WIDER), k=count(3, high=19)),
    call(metrics.intra_class_precision_recall, real=numbers(X, more=WIDER), real_labels=labels(LABELS, None, "labels"), generated=numbers(X + 1), generated_labels=labels(LABELS, 2, "labels"), k=count(3, high=11)),
    call(metrics.label_agreement, predicted=labels(LABELS, 2, "predicted", "labels"), labels=labels(LABELS, 2), n_classes=count(2, "n_classes", "predicted")),
    call(metrics.code_purity, codes=labels(LABELS, 2, "codes", "labels"), labels=labels(LABELS, 2), n_codes=count(2, "n_codes", "codes"), n_classes=count(2, "n_classes", "labels")),
    call(metrics.class_coverage, labels=labels(LABELS, 2, without=("one too few",)), n_classes=count(2)),
    call(metrics.mode_coverage, samples=numbers(X, more=WIDER), means=numbers(Z[:4], "means", "modes", more=WIDER), std=number(0.5, outside=(0, -1)), n_std=number(3.0, outside=(0, -1), infinite=True)),
    call(metrics.mode_widths, samples=numbers(X, more=WIDER), means=numbers(Z[:4], "means", "modes", more=WIDER), std=number(0.5, outside=(0, -1))),
    call(metrics.nearest_ratio, train=numbers(X, more=WIDER), test=numbers(Y, more=WIDER), generated=numbers(Z, more=WIDER), n_permutations=count(9), seed=seed()),
    call(metrics.wasserstein, x=numbers(X, "x ", "points"), y=numbers(Y, "y ", "points"), p=number(1.0, outside=(0, 0.5, -1))),
    call(metrics.sliced_wasserstein, x=numbers(X, "x ", "points"), y=numbers(Y, "y ", "points"), n_projections=count(8), p=number(2.0, outside=(0, -1)), seed=seed()),
    call(metrics.pyramid_distances, real=numbers(draw(6, 1, 16, 16)), generated=numbers(draw(6, 1, 16, 16, key=1)), n_levels=count(2, "levels", high=5), size=count(7, "size", "patches", high=8), n_each=count(2, "n_each", "patches"), n_projections=count(8), seed=seed()),
    call(metrics.perceptual_path_length, generator=function(lambda z: z), features=function(lambda z: z), z0=numbers(X, without=("double", "lists")), z1=numbers(X.flip(0) + 1, without=("double", "lists")), t=numbers(torch.linspace(0.0, 1, 24), more={"outside": torch.linspace(0.0, 2, 24)}), epsilon=number(1e-4, outside=(0, -1))),
    call(metrics.translated, x=numbers(draw(2, 8, 8), without=("one axis more",)), right=number(0.5), down=number(0.5)),
    call(metrics.translation_equivariance, function=function(lambda x: 2 * x), x=numbers(draw(2, 1, 8, 8)), shifts=numbers(torch.tensor([[0.5, 0.0]])), margin=count(2, low=0, high=3), peak=number(2.0, outside=(0, -1), without=("None",))),
    call(metrics.factor_overlap, real=numbers(X.sigmoid()), generated=numbers(Y.sigmoid()), n_classes=other([0, 2, 3], text="abc", short=[0, 2], one=[0, 1, 3], negative=[0, -2, 3], floats=[0, 2.5, 3], none=None), bins=count(5, low=2)),
    call(metrics.bootstrap, metric=function(lambda a, b: (a.mean() - b.mean()).item()), real=numbers(X), generated=numbers(Y), n_resamples=count(10, low=10), level=number(0.9, outside=(0, 1, -1)), seed=seed()),
    call(metrics.Statistics.of, features=numbers(X, more={"one sample": X[:1]})),
    call(metrics.Moments, n_features=count(3, high=None)),
    call(lambda features: [m := metrics.Moments(3), m.update(features), m.statistics()][2], "Moments.update", features=numbers(X, more=WIDER)),
    call(metrics.CollapseDetector, real=numbers(X, "real", "samples", "points", without=("one axis more",)), n_cells=count(2, "n_cells", "cells", low=2, high=2), level=number(0.01, outside=(0, 1)), tolerance=number(0.05, outside=(-1, 1)), resolution=number(0.1, outside=(-1, 1)), seed=seed()),
    call(lambda samples: metrics.CollapseDetector(X, 2)(samples), "CollapseDetector()", samples=numbers(Y, without=("one axis more",), more=WIDER)),
    call(metrics.label, metric="fid", extractor=other("pixels", number=3, none=None)),
]


MIXTURE = data.Mixture(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.5)
POINTS = draw(6, 2)
IMAGES = draw(6, 1, 8, 8).tanh()
BYTES = torch.arange(6 * 64, dtype=torch.uint8).view(6, 1, 8, 8)
SIX = torch.tensor([0, 1, 2, 0, 1, 2])
DATA = [
    call(data.Mixture, means=numbers(POINTS, without=("double", "lists", "array", "of a graph"), error=ValueError), std=number(0.5, outside=(0, -1)), weights=numbers(torch.full((6,), 1 / 6), "weights", without=("None", "double", "lists", "array"), error=ValueError, more={"negative": torch.tensor([-1.0, 2, 0, 0, 0, 0]), "two": torch.ones(2) / 2, "not one": torch.ones(6)})),
    *(call(partial(getattr(MIXTURE, method)), f"Mixture.{method}", x=numbers(POINTS, without=("empty", "NaN", "infinite", "lists", "array", "ragged", "text"), more={"another width": draw(6, 3), "text": "x"})) for method in ("density", "log_density", "posterior", "score")),
    call(MIXTURE.component_log_density, x=numbers(POINTS, without=("empty", "NaN", "infinite", "lists", "array")), component=count(1, low=0, high=1)),
    call(MIXTURE.first, n=count(3)),
    call(data.ring, n_modes=count(3), radius=number(2.0), std=number(0.1, outside=(0, -1))),
    call(data.grid, side=count(3), spacing=number(2.0), std=number(0.1, outside=(0, -1))),
    call(data.two_classes, distance=number(2.0), std=number(0.1, outside=(0, -1))),
    call(data.Samples, "Samples of images", x=numbers(IMAGES, error=ValueError, without=("one axis more",), more={"in [0, 1]": IMAGES.abs(), "0 … 255": 127.5 * IMAGES + 127.5, "channels last": draw(6, 8, 8, 3).tanh(), "integers": BYTES.int()}), y=labels(SIX, None, without=("None",)), classes=other(("a", "b", "c"), number=3, few=("a",), equal=("a", "a", "a"), numbers=(1, 2, 3))),
    call(data.Samples, "Samples of points", x=numbers(POINTS, error=ValueError, more={"integers": SIX[:, None].expand(6, 2)}), value_range=other(None, text="01", reversed=(1, -1), one=(0,), nan=(math.nan, 1), points=(0, 1)), limit_gib=number(4.0, "limit_gib", outside=(0, -1), infinite=True)),
    call(lambda n: data.Samples(POINTS).first(n), "Samples.first", n=count(3, high=6)),
    call(data.Images, images=other(BYTES, **{"floats": IMAGES, "three axes": BYTES[:, 0], "None": None, "empty": BYTES[:0], "array": BYTES.numpy()[:3, 0], "text": "images"}), labels=labels(SIX, 3), classes=other("abc", none=None, few="ab", number=3)),
    call(lambda n: data.digits("test").first(n), "Images.first", n=count(3, high=2000)),
    call(lambda label: data.digits("test").of_class(label), "Images.of_class", label=count(3, low=0, high=9)),
    call(lambda size: data.digits("test").padded(size), "Images.padded", size=count(32, low=28, without=("huge", "2⁶³"))),
    call(data.digits, split=name("test")),
    call(data.fashion, split=name("test")),
    call(data.load, name=name("ring", "data set", "name"), split=name("test"), size=count(8, without=("None", "2⁶³", "huge"))),
    call(data.few_labels, "few_labels", source=other(data.digits("test"), none=None, points=POINTS), n=count(20, "n ", "labels", low=10, high=1000), draw=seed(1)),
    call(Noise, key=other((0, "key"), text="key", none=None, list=[0]), n=count(3), update=count(2, low=0)),
    call(lambda high: Noise((0,), 3).integers("index", high), "Noise.integers", high=count(5)),
]

NETWORK = partial(models.dcgan.Discriminator, width=4, size=8)


def forward(network: nn.Module, *more: Any) -> Callable[..., Any]:
    """The network's forward pass, without a graph."""

    def at(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return network.eval()(x, *more)

    return at


def made(kind: Callable[..., nn.Module]) -> Callable[..., Any]:
    """The names and shapes of a new network's weights."""
    return lambda **arguments: [f"{n} {tuple(w.shape)}" for n, w in kind(**arguments).named_parameters()]


BAD_IMAGES = {"bytes": Wrong(BYTES, words=("x", "uint8")), "integers": BYTES.int(), "another size": draw(6, 1, 9, 9), "more channels": draw(6, 3, 8, 8)}
NETS = ("empty", "NaN", "infinite", "meta", "of a graph")  # networks compute with these
MODELS = [
    call(made(models.mlp.Generator), "mlp.Generator", latent_size=count(4), hidden=count(8), depth=count(2, low=0), dimensions=count(2), latent_scale=number(1.0), n_classes=count(3, low=0)),
    call(made(models.mlp.Discriminator), "mlp.Discriminator", hidden=count(8), depth=count(2, low=0), dimensions=count(2), dropout=number(0.1, "dropout", "dropped", outside=(-0.1, 1)), n_kernels=count(2, low=0), n_classes=count(3, low=0), n_labels=count(1)),
    call(made(models.dcgan.Generator), "dcgan.Generator", latent_size=count(4), width=count(4), channels=count(1), size=count(8, low=8, high=8)),
    call(made(models.dcgan.Discriminator), "dcgan.Discriminator", width=count(4), channels=count(1), size=count(8, low=8, high=8)),
    call(made(models.Classifier), "Classifier", n_classes=count(3), channels=count(1)),
    call(forward(models.mlp.Generator(4, 8)), "mlp.Generator()", x=numbers(draw(6, 4), "z", without=(*NETS, "double"), spelt=False, more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 4)})),
    call(forward(models.mlp.Discriminator(8)), "mlp.Discriminator()", x=numbers(POINTS, without=(*NETS, "double"), spelt=False, more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 2)})),
    call(forward(models.dcgan.Generator(4, 4, size=8)), "dcgan.Generator()", x=numbers(draw(6, 4), "z", without=(*NETS, "double"), spelt=False, more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 4)})),
    call(forward(models.dcgan.Discriminator(4, size=8)), "dcgan.Discriminator()", x=numbers(IMAGES, without=(*NETS, "double"), spelt=False, more=BAD_IMAGES)),
    call(forward(models.Classifier()), "Classifier()", x=numbers(draw(2, 1, 28, 28), without=(*NETS, "double"), spelt=False, more={"bytes": torch.zeros(2, 1, 28, 28, dtype=torch.uint8)})),
    call(lambda y: models.mlp.Generator(4, 8, n_classes=3).eval()(torch.zeros(6, 4), y), "mlp.Generator(y)", y=labels(SIX, 3, "y", "label", without=("two axes", "array", "list", "int32", "bytes", "meta"))),
    call(objectives.orthogonality, network=other(nn.Linear(2, 3), none=None, text="network", tensor=POINTS, without=nn.ReLU())),
    call(models.truncated, z=numbers(POINTS, without=("NaN", "infinite", "empty", "one axis", "no number", "one axis more", "meta"), spelt=False), threshold=number(0.5, "threshold", "truncation", outside=(0, -1)), rule=name("clamp", "rule")),
    call(lambda generator: models.TruncatedLatents(generator, 0.5).latent_size, "TruncatedLatents", generator=other(models.mlp.Generator(4, 8), "generator", "latents", none=None, encoder=nn.Linear(2, 2))),
]

SCORES, FAKE = draw(6), draw(6, key=1)


def critic(x: torch.Tensor) -> torch.Tensor:
    return x.square().sum(1)


PENALTIES = (objectives.r1, objectives.r2, objectives.gradient_penalty, objectives.one_sided_gradient_penalty, objectives.zero_centred_gradient_penalty, objectives.drift)
EPSILON = torch.linspace(0.0, 1, 6)
BAD_CRITICS = {"of columns": lambda x: x.sum(1, keepdim=True), "of one number": lambda x: x.sum(), "of rows": lambda x: x, "of nothing": lambda x: None}
OBJECTIVES = [
    *(call(each, critic=function(critic, **BAD_CRITICS), real=numbers(POINTS, without=("NaN", "infinite", "double", "meta", "one axis more", "one axis", "empty"), spelt=False), fake=draw(6, 2, key=1), epsilon=EPSILON) for each in PENALTIES if each is not objectives.r2),
    call(objectives.gradient_penalty, "gradient_penalty of other shapes", critic=critic, real=POINTS, fake=other(POINTS, fewer=POINTS[:3], wider=draw(6, 3), none=None), epsilon=other(EPSILON, column=EPSILON[:, None], few=EPSILON[:3], number=0.5, none=None)),
    call(objectives.gradient_norm, critic=function(critic, **BAD_CRITICS), x=numbers(POINTS, without=("NaN", "infinite", "double", "meta", "one axis more", "one axis", "empty"), spelt=False)),
    call(lambda **a: objectives.label_smoothing(**a).name, "label_smoothing", real=number(0.9, outside=(0, 1.1)), fake=number(0.0, outside=(-0.1, 1)), base=other(objectives.non_saturating, none=None, text="hinge", hinge=objectives.hinge)),
    call(lambda **a: objectives.ebgan(**a).name, "ebgan", margin=number(1.0, outside=(0, -1))),
    call(lambda **a: objectives.magan(**a).name, "magan", margin=number(1.0, outside=(0, -1))),
    call(lambda **a: objectives.f_gan(**a).name, "f_gan", divergence=name("kl", "divergence")),
    call(lambda **a: objectives.objective(**a).name, "objective", name=name("hinge", "objective")),
    call(objectives.path_length_weight, size=count(8, "size", "images", low=4)),
    call(objectives.path_length_penalty, lengths=other(torch.ones(6), none=None, text="lengths"), mean=number(1.0, infinite=True, without=("NaN",))),
]



LOGS = torch.tensor([-1.0, -2.0, -torch.inf])
BAD_LOGS = {"NaN": torch.tensor([math.nan, 0, 0]), "infinite": torch.tensor([math.inf, 0, 0]), "fewer": LOGS[:2], "None": None, "a number": 0.5}
HALVES = torch.full((6,), 1 / 6)
BAD_WEIGHTS = {"negative": torch.tensor([-1.0, 2, 0, 0, 0, 0]), "few": HALVES[:3], "not one": torch.ones(6), "NaN": HALVES * math.nan, "text": "equal", "a number": 0.5}
WHERE = dict(error=ValueError, spelt=False)
PAIR = {"another width": draw(6, 4), "integers": SIX[:, None].expand(6, 3)}
BAD_DENSITIES = {"of columns": lambda x: x, "of NaN": lambda x: x[:, 0] * math.nan, "of nothing": lambda x: None, "not normalised": Wrong(lambda x: 0 * x[:, 0], theory.QuadratureError, ("mass",))}
FIELD = theory.fields.Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})
NOISY = theory.NoisyMixture(torch.tensor([[-1.0], [1.0]]), 0.5, torch.tensor([0.5, 0.5]))
DIVERGENCES = (theory.kl, theory.reverse_kl, theory.jensen_shannon, theory.total_variation, theory.pearson, theory.squared_hellinger)
P, Q = draw(6, 3, key=3), draw(6, 3, key=4)
THEORY = [
    *(call(each, x=numbers(P, without=("one axis", "one axis more"), more=PAIR, **WHERE), y=numbers(Q, without=("one axis", "one axis more"), more=PAIR, **WHERE), p=number(1.0, "p is", outside=(0, 0.5)), weights_x=other(HALVES, **BAD_WEIGHTS), weights_y=other(HALVES, **BAD_WEIGHTS)) for each in (theory.wasserstein, theory.optimal_transport)),
    call(theory.wasserstein_1d, x=numbers(P[:, 0], "x ", "points", without=("one axis more",), more={"in space": P}, **WHERE), y=numbers(Q[:, 0], "y ", "points", without=("one axis more",), more={"in space": Q}, **WHERE), p=number(1.0, "p is", outside=(0, 0.5))),
    call(lambda **a: theory.witness(**a)(P), "witness", x=numbers(P, without=("one axis", "one axis more"), **WHERE), y=numbers(Q, without=("one axis", "one axis more"), **WHERE)),
    call(theory.witness(P, Q), "Witness()", x=numbers(P, without=("empty", "NaN", "infinite"), more={"another width": draw(6, 4)}, spelt=False)),
    call(theory.parallel_lines, theta=number(0.5)),
    call(theory.box, low=other([0.0, 0.0], "low", "box", none=None, text="01", number=0.0, nan=[math.nan, 0], infinite=[-math.inf, 0], short=[0.0]), high=other([1.0, 2.0], "high", "box", none=None, text="01", number=1.0, nan=[math.nan, 0], infinite=[math.inf, 1], below=[-1.0, 1.0]), n=count(5, "n ", "points", low=3), tolerance=number(1e-5, outside=(-1,), infinite=True)),
    call(theory.interval, low=number(0.0, "low", "box", outside=(2,)), high=number(1.0, "high", "box", outside=(-1,)), n=count(5, "n ", "points", low=3), tolerance=number(1e-5, outside=(-1,), infinite=True)),
    call(GRID.integrate, values=other(GRID.points[:, 0], none=None, column=GRID.points, few=GRID.points[:3, 0], number=0.5)),
    *(call(each, log_p=function(normal, "log_p", "p has", "p:", "density", "log density", "log_q", **BAD_DENSITIES), log_q=function(normal, "log_q", "q has", "density", "log_p", **BAD_DENSITIES), grid=other(GRID, none=None, points=GRID.points, text="grid")) for each in DIVERGENCES),
    call(theory.f_divergence, divergence=other(theory.f_divergences["KL"], none=None, text="KL"), log_p=function(normal, "log_p", "p ", **BAD_DENSITIES), log_q=function(normal, "log_q", "q ", **BAD_DENSITIES), grid=other(GRID, none=None)),
    call(theory.dual_bound, divergence=other(theory.f_divergences["KL"], none=None, text="KL"), output=function(lambda x: x[:, 0], "output", "v ", **{k: BAD_DENSITIES[k] for k in ("of columns", "of NaN", "of nothing")}), log_p=normal, log_q=normal, grid=GRID),
    call(theory.dual_bound_monte_carlo, divergence=other(theory.f_divergences["KL"], none=None, text="KL"), v_real=numbers(draw(6), without=("NaN", "infinite", "one axis more"), spelt=False), v_fake=numbers(draw(5), without=("NaN", "infinite", "one axis more"), spelt=False)),
    call(theory.optimal_logit, log_p_data=other(LOGS, **BAD_LOGS), log_p_g=other(LOGS.flip(0), **BAD_LOGS)),
    call(theory.optimal_discriminator, log_p_data=other(LOGS, **BAD_LOGS), log_p_g=other(LOGS.flip(0), **BAD_LOGS)),
    call(theory.value, logit=function(lambda x: x[:, 0], "logit", "discriminator", **{k: BAD_DENSITIES[k] for k in ("of columns", "of NaN", "of nothing")}), log_p_data=function(normal, "log_p_data", "p_data"), log_p_g=function(normal, "log_p_g", "p_g"), grid=other(GRID, none=None)),
    call(theory.value_monte_carlo, logits_real=numbers(draw(6), "logits", spelt=False, more={"one": draw(1)}), logits_fake=numbers(draw(5), "logits", spelt=False, more={"one": draw(1)})),
    call(theory.criterion, log_p_data=function(normal, "density of p "), log_p_g=function(normal, "density of q "), grid=other(GRID, none=None)),
    call(theory.conditional_value, log_p=other([normal, normal], "log_p", "densities", "weights", none=None, one=[normal], number=3), log_q=other([normal, normal], "log_q", "densities", "weights", none=None, one=[normal], number=3), weights=other(torch.ones(2) / 2, none=None, few=torch.ones(1), negative=torch.tensor([-1.0, 2]), NaN=torch.tensor([math.nan, 1])), grid=other(GRID, none=None)),
    call(theory.NoisyMixture, means=numbers(torch.tensor([[-1.0], [1.0]]), without=("double", "of a graph", "not contiguous"), **WHERE), std=number(0.5, outside=(-1,)), weights=other(torch.ones(2) / 2, none=None, few=torch.ones(1), negative=torch.tensor([-1.0, 2]), NaN=torch.tensor([math.nan, 1]))),
    *(call(partial(getattr(NOISY, method)), f"NoisyMixture.{method}", x=numbers(draw(6, 1), without=("empty", "NaN", "infinite"), more={"another width": draw(6, 3), "integers": SIX[:, None]}, spelt=False), signal=other(torch.tensor(0.6), "signal", "level", none=None, number=0.6, few=torch.ones(3), nan=torch.tensor(math.nan)), noise=other(torch.tensor(0.8), "noise", "level", none=None, number=0.8, few=torch.ones(3), nan=torch.tensor(math.nan))) for method in ("log_density", "score", "expectations", "posterior")),
    call(NOISY.components, indices=other([0], "components", "indices", none=None, none_left=[], large=[2], negative=[-1], floats=[0.5], text="a")),
    call(lambda point: FIELD(point), "Field()", point=numbers(torch.tensor([1.0, 2.0]), without=("NaN", "infinite", "one axis more"), more={"three": torch.ones(3)}, spelt=False)),
    call(lambda **a: theory.fields.simultaneous(**a)(torch.ones(2)), "simultaneous", field=other(FIELD, none=None, function=torch.sin), step_size=number(0.1)),
    call(lambda **a: theory.fields.alternating(**a)(torch.ones(2)), "alternating", field=other(FIELD, none=None, function=torch.sin), step_size=number(0.1), updates=other({"x": 1, "y": 2}, unknown={"z": 1}, zero={"x": 0, "y": 1}, half={"x": 1.5, "y": 1}, list=["x", "y"])),
    call(theory.fields.trajectory, operator=function(lambda p: p / 2), start=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False), n_steps=count(3, low=0)),
    call(theory.fields.jacobian, function=function(lambda p: p.square()), point=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False)),
    call(theory.fields.rate, operator=function(lambda p: p.square()), point=numbers(torch.ones(2), without=("NaN", "infinite", "empty", "one axis more", "no number"), spelt=False)),
    call(theory.fields.parts, matrix=numbers(draw(3, 3), without=("NaN", "infinite", "empty", "one axis more"), more={"not square": draw(3, 2)}, spelt=False)),
    call(theory.fields.on_grid, field=other(FIELD, none=None), limit=number(1.0, outside=(0, -1)), n=count(3, low=2)),
    call(lambda **a: theory.dirac.method(**a).name, "dirac.method", name=name("R1", "method")),
    call(theory.dirac.verdict, points=numbers(draw(1001, 2), "points", "trajectory", without=("NaN", "infinite", "double"), more={"few": Wrong(draw(10, 2), words=("trajectory",)), "in space": draw(1001, 3)}, spelt=False)),
    call(theory.dirac.normal_rule, n=count(8)),
    call(lambda **a: theory.dirac.instance_noise(**a).eigenvalues, "dirac.instance_noise", std=number(0.7, outside=(-1,)), n=count(8)),
    call(lambda **a: theory.dirac.r1(**a).eigenvalues, "dirac.r1", gamma=number(0.3)),
    call(lambda **a: theory.dirac.wgan_gp(**a).name, "dirac.wgan_gp", gamma=number(0.7), target=number(1.0)),
    call(lambda **a: theory.dirac.wgan(**a).name, "dirac.wgan", clip=number(1.0, outside=(0, -1), without=("None",))),
    call(lambda **a: theory.dirac.consensus(**a).eigenvalues, "dirac.consensus", gamma=number(1.0)),
    call(lambda **a: theory.dirac.unrolled(**a).eigenvalues, "dirac.unrolled", n_unrolled=count(5, low=0), unrolled_step=number(0.2)),
]

COST = np.abs(np.subtract.outer(np.arange(4.0), np.arange(4.0)))
BAD_COSTS = {"None": None, "text": "cost", "a line": COST[0], "empty": COST[:0], "NaN": COST * math.nan, "infinite": COST + math.inf, "cube": COST[None], "complex": COST * 1j}
NEGATIVE = {"negative": -COST - 1}
BAD_MASSES = {"None": None, "text": "a", "negative": [-1.0, 2, 0, 0], "zero": [0.0] * 4, "few": [1.0], "NaN": [math.nan, 1, 1, 1], "infinite": [math.inf, 1, 1, 1], "table": [[1.0] * 4]}
PLANS = [
    call(plans.cheapest_assignment, cost=other(COST, **BAD_COSTS)),
    call(plans.assigned, cost=other(COST, **BAD_COSTS, **{"not square": COST[:3]})),
    *(call(each, cost=other(COST, **BAD_COSTS, **NEGATIVE), a=other([1.0] * 4, "a ", "masses", **BAD_MASSES), b=other([1.0] * 4, "b ", "masses", **BAD_MASSES)) for each in (plans.cheapest_plan, plans.by_shortest_paths)),
    *(call(each, a=other([1.0] * 4, "a ", "masses", **{k: v for k, v in BAD_MASSES.items() if k != "few"}), b=other([1.0] * 4, "b ", "masses", **{k: v for k, v in BAD_MASSES.items() if k != "few"})) for each in (plans.sorted_plan, plans.whole_masses)),
    call(plans.transport, distances=other(COST, "distances", "cost", **BAD_COSTS, **NEGATIVE), p=number(1.0, "p ", "p is", outside=(0, 0.5))),
]

VP, FLOW = diffusion.VariancePreserving(n_times=20), diffusion.RectifiedFlow()
HALF = diffusion.of_network(lambda x, time: x / 2, FLOW, "data")
LEVEL = diffusion.Level(torch.tensor(0.6).double(), torch.tensor(0.8).double())
FEW_TIMES = FLOW.times(2)
BAD_X = numbers(POINTS, without=("empty", "NaN", "infinite", "meta", "one axis more", "one axis", "of a graph"), spelt=False)
BAD_TIMES = {"None": None, "text": "times", "rising": FEW_TIMES.flip(0), "empty": FEW_TIMES[:0], "beyond": FEW_TIMES + 1, "integers": torch.tensor([1, 0]), "a number": 0.5, "NaN": FEW_TIMES * math.nan}
DIFFUSION = [
    call(diffusion.linear_betas, n_times=count(20), first=number(1e-4, "first", "β", outside=(0, -1, 1)), last=number(0.02, "last", "β", outside=(0, -1, 1, 2))),
    call(diffusion.cosine_betas, n_times=count(20), offset=number(0.008, outside=(-1,))),
    call(diffusion.continuous_betas, n_times=count(20), first=number(0.1, "first", "rates", outside=(0, -1)), last=number(20.0, "last", "rates", outside=(0, -1))),
    call(diffusion.VariancePreserving, schedule=name("linear", "schedule"), n_times=count(20)),
    call(VP.level, "VariancePreserving.level", t=other(torch.tensor([0, 5]), "t ", "times", none=None, number=3, floats=torch.tensor([0.5]), negative=torch.tensor([-1]), large=torch.tensor([20]), booleans=torch.tensor([True]), huge=torch.tensor([2**62]))),
    call(FLOW.level, "RectifiedFlow.level", t=other(torch.tensor([0.0, 0.5]), "t ", "times", none=None, number=0.5, integers=torch.tensor([1]), negative=torch.tensor([-0.1]), large=torch.tensor([1.1]), nan=torch.tensor([math.nan]))),
    call(VP.times, "VariancePreserving.times", n_steps=count(4, high=20), spacing=name("linspace", "spacing", without=("None",))),
    call(FLOW.times, "RectifiedFlow.times", n_steps=count(4), spacing=name("linspace", "spacing", without=("None",))),
    call(FLOW.noised, "Process.noised", x0=BAD_X, noise=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)), t=other(torch.tensor(0.5), "t ", "times", none=None, number=0.5, few=torch.tensor([0.5, 0.5]), integers=torch.tensor(1), large=torch.tensor(1.5))),
    call(diffusion.mixed, x0=BAD_X, noise=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)), level=other(LEVEL, none=None, number=0.5, few=diffusion.Level(torch.ones(3), torch.ones(3)))),
    call(lambda **a: diffusion.target(**a).name, "target", name=name("noise", "target")),
    call(diffusion.converted, prediction=other(draw(6, 2), none=None, fewer=draw(3, 2), wider=draw(6, 3)), x=BAD_X, level=other(LEVEL, none=None, data=Wrong(diffusion.DATA, words=("noise",))), source=name("data", "target", "source"), to=name("noise", "target", "to")),
    call(lambda **a: diffusion.of_network(**a)(POINTS, torch.tensor(0.5)).x0, "of_network", network=function(lambda x, time: x / 2, "network", "prediction", of_columns=lambda x, time: x[:, :1], of_nothing=lambda x, time: None), process=other(FLOW, none=None, text="flow"), predicts=name("data", "target")),
    call(lambda **a: HALF(**a).x0, "Denoiser()", x=BAD_X, t=other(torch.tensor(0.5), "t ", "times", none=None, number=0.5, few=torch.tensor([0.5, 0.5]), integers=torch.tensor(1), large=torch.tensor(1.5))),
    call(lambda **a: diffusion.guided(HALF, **a)(POINTS, torch.tensor(0.5)).x0, "guided", unconditional=other(HALF, none=None, other=diffusion.of_network(lambda x, t: x, VP)), scale=number(2.0), between=other((0.0, 1000.0), none=None, reversed=(1000.0, 0.0), one=(0.0,), nan=(math.nan, 1.0), text="01")),
    call(diffusion.guided_prediction, conditional=other(POINTS, none=None, fewer=POINTS[:3]), unconditional=other(POINTS + 1, none=None, fewer=POINTS[:3]), scale=number(2.0)),
    call(diffusion.scale_of_weight, weight=number(1.0)),
    call(diffusion.clipped_estimate, x=BAD_X, x0=other(POINTS + 1, none=None, fewer=POINTS[:3]), level=other(LEVEL, none=None, data=Wrong(diffusion.DATA, words=("noise",))), limit=number(1.0, outside=(0, -1), infinite=True)),
    call(lambda **a: diffusion.clipped(**a)(POINTS, torch.tensor(0.5)).x0, "clipped", denoiser=other(HALF, none=None, text="denoiser"), limit=number(1.0, outside=(0, -1), infinite=True)),
    *(call(lambda each=each, **a: list(each(**a)), each.__name__, denoiser=other(HALF, none=None, text="denoiser"), x=BAD_X, times=other(FEW_TIMES, **BAD_TIMES), noise=other(Noise((0,), 6), few=Noise((0,), 3), text="noise")) for each in (diffusion.ddpm,)),
    *(call(lambda each=each, **a: list(each(**a)), each.__name__, denoiser=other(HALF, none=None, text="denoiser"), x=BAD_X, times=other(FEW_TIMES, **BAD_TIMES)) for each in (diffusion.ddim, diffusion.euler, diffusion.heun)),
    call(lambda **a: list(diffusion.ddim(HALF, POINTS, FEW_TIMES, **a)), "ddim with noise", noise=other(Noise((0,), 6), none=None, few=Noise((0,), 3), text="noise"), eta=number(0.5, outside=(-1, 2))),
    call(lambda **a: list(diffusion.ddpm(HALF, POINTS, FEW_TIMES, Noise((0,), 6), **a)), "ddpm of a variance", variance=name("large", "variance")),
    call(diffusion.sample, denoiser=other(HALF, none=None), noise=other(Noise((0,), 6), none=None, seed=3), shape=other((2,), none=None, number=2, negative=(-2,), floats=(2.5,)), n_steps=count(2), method=name("ddim", "sampler"), spacing=name("linspace", "spacing", without=("None",))),
    call(diffusion.variational_bound, denoiser=other(HALF, none=None), x0=numbers(POINTS, without=("NaN", "infinite", "meta", "one axis more", "one axis", "of a graph", "double", "empty"), more={"one sample": POINTS[:1]}, spelt=False), times=other(FEW_TIMES, **BAD_TIMES), noise=other(Noise((0,), 6), none=None, few=Noise((0,), 3)), variance=name("large", "variance")),
    call(diffusion.prior_term, x0=BAD_X, level=other(LEVEL, none=None)),
]


CALLS = METRICS + DATA + MODELS + OBJECTIVES + THEORY + PLANS + DIFFUSION


class Case(NamedTuple):
    call: Call
    argument: str
    label: str
    wrong: Wrong | None
    value: Any


def cases(calls: list[Call]) -> Iterator[Case]:
    for one in calls:
        for argument, kind in one.arguments.items():
            if isinstance(kind, Kind):
                for label, wrong in kind.wrong.items():
                    words = wrong.words or kind.words or (argument,)
                    yield Case(one, argument, label, wrong._replace(words=words), wrong.value)
                for label, value in kind.same.items():
                    yield Case(one, argument, label, None, value)


CASES = list(cases(CALLS))


def problem(case: Case) -> str:
    """What is wrong with how a call reacts to a case; "" if nothing is."""
    arguments = case.call.right() | {case.argument: case.value}
    if case.wrong is None:
        expected = case.call.function(**case.call.right())
        try:
            torch.testing.assert_close(plain(case.call.function(**arguments)), plain(expected), rtol=1e-4, atol=1e-5, check_dtype=False, equal_nan=True)
        except Exception as error:
            return f"another result: {type(error).__name__}: {error}"
        return ""
    try:
        result = case.call.function(**arguments)
    except Exception as error:
        *_, frame = traceback.extract_tb(error.__traceback__)
        if not isinstance(error, case.wrong.error):
            return f"{type(error).__name__}, not {case.wrong.error.__name__}: {error}"
        if not any(word in str(error) for word in case.wrong.words):
            return f"the message has none of {case.wrong.words}: {error}"
        if PACKAGE not in Path(frame.filename).parents:
            return f"it was raised in {frame.filename}: {error}"
        return ""
    return f"no error, but {result!r:.100}"


def plain(value: Any) -> Any:
    """A result as tensors and numbers in lists."""
    if isinstance(value, str):
        return list(value.encode())
    if isinstance(value, torch.Tensor | int | float | np.ndarray | type(None)):
        return value
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    return [plain(part) for part in vars(value).values() if isinstance(part, torch.Tensor | int | float)]
