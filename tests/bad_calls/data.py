"""Calls of data sources."""

from __future__ import annotations

import math
from functools import partial

import torch

from gancourse import data
from gancourse.rng import Noise
from tests.bad_calls.arguments import (
    BYTES,
    IMAGES,
    POINTS,
    SIX,
    call,
    count,
    draw,
    labels,
    name,
    number,
    numbers,
    other,
    seed,
)

MIXTURE = data.Mixture(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.5)
DATA = [
    call(
        data.Mixture,
        means=numbers(POINTS, without=("double", "lists", "array", "of a graph"), error=ValueError),
        std=number(0.5, outside=(0, -1)),
        weights=numbers(
            torch.full((6,), 1 / 6),
            "weights",
            "mode",
            without=("None", "double", "lists", "array", "NaN", "infinite"),
            more={
                "not a number": torch.full((6,), math.nan),
                "endless": torch.full((6,), math.inf),
                "negative": torch.tensor([-1.0, 2, 0, 0, 0, 0]),
                "two": torch.ones(2) / 2,
                "not one": torch.ones(6),
            },
        ),
    ),
    *(
        call(
            partial(getattr(MIXTURE, method)),
            f"Mixture.{method}",
            x=numbers(
                POINTS,
                without=("empty", "NaN", "infinite", "lists", "array", "ragged", "text"),
                more={"another width": draw(6, 3), "text": "x"},
            ),
        )
        for method in ("density", "log_density", "posterior", "score")
    ),
    call(
        MIXTURE.component_log_density,
        x=numbers(POINTS, without=("empty", "NaN", "infinite", "lists", "array")),
        component=count(1, low=0, high=1),
    ),
    call(MIXTURE.first, n=count(3)),
    call(data.ring, n_modes=count(3), radius=number(2.0), std=number(0.1, outside=(0, -1))),
    call(data.grid, side=count(3), spacing=number(2.0), std=number(0.1, outside=(0, -1))),
    call(data.two_classes, distance=number(2.0), std=number(0.1, outside=(0, -1))),
    call(
        data.Samples,
        "Samples of images",
        x=numbers(
            IMAGES,
            error=ValueError,
            without=("one axis more",),
            more={
                "in [0, 1]": IMAGES.abs(),
                "0 … 255": 127.5 * IMAGES + 127.5,
                "channels last": draw(6, 8, 8, 3).tanh(),
                "integers": BYTES.int(),
            },
        ),
        y=labels(SIX, None, without=("None",)),
        classes=other(("a", "b", "c"), number=3, few=("a",), equal=("a", "a", "a"), numbers=(1, 2, 3)),
    ),
    call(
        data.Samples,
        "Samples of points",
        x=numbers(POINTS, error=ValueError, more={"integers": SIX[:, None].expand(6, 2)}),
        value_range=other(None, text="01", reversed=(1, -1), one=(0,), nan=(math.nan, 1), points=(0, 1)),
        limit_gib=number(4.0, "limit_gib", outside=(0, -1), infinite=True),
    ),
    call(lambda n: data.Samples(POINTS).first(n), "Samples.first", n=count(3, high=6)),
    call(
        data.Images,
        images=other(
            BYTES,
            **{
                "floats": IMAGES,
                "three axes": BYTES[:, 0],
                "None": None,
                "empty": BYTES[:0],
                "array": BYTES.numpy()[:3, 0],
                "text": "images",
            },
        ),
        labels=labels(SIX, 3),
        classes=other("abc", none=None, few="ab", number=3),
    ),
    call(lambda n: data.digits("test").first(n), "Images.first", n=count(3, high=2000)),
    call(lambda label: data.digits("test").of_class(label), "Images.of_class", label=count(3, low=0, high=9)),
    call(
        lambda size: data.digits("test").padded(size), "Images.padded", size=count(32, low=28, without=("huge", "2⁶³"))
    ),
    call(data.digits, split=name("test")),
    call(data.fashion, split=name("test")),
    call(
        data.load,
        name=name("ring", "data set", "name"),
        split=name("test"),
        size=count(8, without=("None", "2⁶³", "huge")),
    ),
    call(
        data.few_labels,
        "few_labels",
        source=other(data.digits("test"), none=None, points=POINTS),
        n=count(20, "n ", "labels", low=10, high=1000),
        draw=seed(1),
    ),
    call(Noise, key=other((0, "key"), text="key", none=None, list=[0]), n=count(3), update=count(2, low=0)),
    call(lambda high: Noise((0,), 3).integers("index", high), "Noise.integers", high=count(5)),
]
