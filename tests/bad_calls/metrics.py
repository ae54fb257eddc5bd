"""Calls of metrics."""

from __future__ import annotations

import math

import torch

from gancourse import metrics
from tests.bad_calls.arguments import (
    call,
    count,
    draw,
    function,
    labels,
    number,
    numbers,
    other,
    seed,
)

X, Y, Z = draw(24, 3), draw(20, 3, key=1) + 0.5, draw(16, 3, key=2)
WIDER = {"another width": draw(24, 4)}
LABELS = torch.arange(24) % 2
TEXT = {"text": "features"}

METRICS = [
    call(
        metrics.frechet_distance,
        real=numbers(X, more={"one sample": X[:1]} | WIDER),
        generated=numbers(Y, more={"one sample": Y[:1]} | WIDER),
    ),
    call(
        metrics.frechet_extrapolated,
        real=numbers(X, more=WIDER),
        generated=numbers(Y, more=WIDER),
        sizes=other(
            [4, 8, 16], text="sizes", negative=[-4, 8], huge=[8, 10**20], one=[8], floats=[4.5, 9.5], nan=[math.nan, 4]
        ),
        seed=seed(),
    ),
    call(
        metrics.intra_class_frechet,
        real=numbers(X, more=WIDER),
        real_labels=labels(LABELS, None, "labels", "generated_labels"),
        generated=numbers(X + 1),
        generated_labels=labels(LABELS, 2, "labels", "generated_labels"),
    ),
    call(
        metrics.kernel_distance, real=numbers(X, more={"one sample": X[:1]} | WIDER), generated=numbers(Y, more=WIDER)
    ),
    call(
        metrics.kernel_distance_subsets,
        real=numbers(X),
        generated=numbers(Y),
        subset_size=count(8, low=2, high=20),
        n_subsets=count(3),
        seed=seed(),
    ),
    call(
        metrics.inception_score,
        logits=numbers(X, more={"probabilities": X.softmax(1), "one-hot": torch.eye(3)}),
        n_splits=count(2, high=12),
        seed=seed(without=("None",)),
    ),
    call(metrics.precision_recall, real=numbers(X, more=WIDER), generated=numbers(Y, more=WIDER), k=count(3, high=19)),
    call(
        metrics.intra_class_precision_recall,
        real=numbers(X, more=WIDER),
        real_labels=labels(LABELS, None, "labels"),
        generated=numbers(X + 1),
        generated_labels=labels(LABELS, 2, "labels"),
        k=count(3, high=11),
    ),
    call(
        metrics.label_agreement,
        predicted=labels(LABELS, 2, "predicted", "labels"),
        labels=labels(LABELS, 2),
        n_classes=count(2, "n_classes", "predicted"),
    ),
    call(
        metrics.code_purity,
        codes=labels(LABELS, 2, "codes", "labels"),
        labels=labels(LABELS, 2),
        n_codes=count(2, "n_codes", "codes"),
        n_classes=count(2, "n_classes", "labels"),
    ),
    call(metrics.class_coverage, labels=labels(LABELS, 2, without=("one too few",)), n_classes=count(2)),
    call(
        metrics.mode_coverage,
        samples=numbers(X, more=WIDER),
        means=numbers(Z[:4], "means", "modes", more=WIDER),
        std=number(0.5, outside=(0, -1)),
        n_std=number(3.0, outside=(0, -1), infinite=True),
    ),
    call(
        metrics.mode_widths,
        samples=numbers(X, more=WIDER),
        means=numbers(Z[:4], "means", "modes", more=WIDER),
        std=number(0.5, outside=(0, -1)),
    ),
    call(
        metrics.nearest_ratio,
        train=numbers(X, more=WIDER),
        test=numbers(Y, more=WIDER),
        generated=numbers(Z, more=WIDER),
        n_permutations=count(9),
        seed=seed(),
    ),
    call(
        metrics.wasserstein,
        x=numbers(X, "x ", "points"),
        y=numbers(Y, "y ", "points"),
        p=number(1.0, outside=(0, 0.5, -1)),
    ),
    call(
        metrics.sliced_wasserstein,
        x=numbers(X, "x ", "points"),
        y=numbers(Y, "y ", "points"),
        n_projections=count(8),
        p=number(2.0, outside=(0, -1)),
        seed=seed(),
    ),
    call(
        metrics.pyramid_distances,
        real=numbers(draw(6, 1, 16, 16)),
        generated=numbers(draw(6, 1, 16, 16, key=1)),
        n_levels=count(2, "levels", high=5),
        size=count(7, "size", "patches", high=8),
        n_each=count(2, "n_each", "patches"),
        n_projections=count(8),
        seed=seed(),
    ),
    call(
        metrics.perceptual_path_length,
        generator=function(lambda z: z),
        features=function(lambda z: z),
        z0=numbers(X, without=("double", "lists")),
        z1=numbers(X.flip(0) + 1, without=("double", "lists")),
        t=numbers(torch.linspace(0.0, 1, 24), more={"outside": torch.linspace(0.0, 2, 24)}),
        epsilon=number(1e-4, outside=(0, -1)),
    ),
    call(metrics.translated, x=numbers(draw(2, 8, 8), without=("one axis more",)), right=number(0.5), down=number(0.5)),
    call(
        metrics.translation_equivariance,
        function=function(lambda x: 2 * x),
        x=numbers(draw(2, 1, 8, 8)),
        shifts=numbers(torch.tensor([[0.5, 0.0]])),
        margin=count(2, low=0, high=3),
        peak=number(2.0, outside=(0, -1), without=("None",)),
    ),
    call(
        metrics.factor_overlap,
        real=numbers(X.sigmoid()),
        generated=numbers(Y.sigmoid()),
        n_classes=other(
            [0, 2, 3], text="abc", short=[0, 2], one=[0, 1, 3], negative=[0, -2, 3], floats=[0, 2.5, 3], none=None
        ),
        bins=count(5, low=2),
    ),
    call(
        metrics.bootstrap,
        metric=function(lambda a, b: (a.mean() - b.mean()).item()),
        real=numbers(X),
        generated=numbers(Y),
        n_resamples=count(10, low=10),
        level=number(0.9, outside=(0, 1, -1)),
        seed=seed(),
    ),
    call(metrics.Statistics.of, features=numbers(X, more={"one sample": X[:1]})),
    call(metrics.Moments, n_features=count(3, high=None)),
    call(
        lambda features: [m := metrics.Moments(3), m.update(features), m.statistics()][2],
        "Moments.update",
        features=numbers(X, more=WIDER),
    ),
    call(
        metrics.CollapseDetector,
        real=numbers(X, "real", "samples", "points", without=("one axis more",)),
        n_cells=count(2, "n_cells", "cells", low=2, high=2),
        level=number(0.01, outside=(0, 1)),
        tolerance=number(0.05, outside=(-1, 1)),
        resolution=number(0.1, outside=(-1, 1)),
        seed=seed(),
    ),
    call(
        lambda samples: metrics.CollapseDetector(X, 2)(samples),
        "CollapseDetector()",
        samples=numbers(Y, without=("one axis more",), more=WIDER),
    ),
    call(
        lambda extractor: metrics.label("fid", extractor, 10),
        "label",
        extractor=other("pixels", number=3, none=None),
    ),
]
