"""Calls of networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from gancourse import models, objectives
from tests.bad_calls.arguments import (
    BYTES,
    IMAGES,
    POINTS,
    SIX,
    Wrong,
    call,
    count,
    draw,
    labels,
    name,
    number,
    numbers,
    other,
)

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


BAD_IMAGES = {
    "bytes": Wrong(BYTES, words=("x", "uint8")),
    "integers": BYTES.int(),
    "another size": draw(6, 1, 9, 9),
    "more channels": draw(6, 3, 8, 8),
}
NETS = ("empty", "NaN", "infinite", "meta", "of a graph")  # networks compute with these
MODELS = [
    call(
        made(models.mlp.Generator),
        "mlp.Generator",
        latent_size=count(4),
        hidden=count(8),
        depth=count(2, low=0),
        dimensions=count(2),
        latent_scale=number(1.0),
        n_classes=count(3, low=0),
    ),
    call(
        made(models.mlp.Discriminator),
        "mlp.Discriminator",
        hidden=count(8),
        depth=count(2, low=0),
        dimensions=count(2),
        dropout=number(0.1, "dropout", "dropped", outside=(-0.1, 1)),
        n_kernels=count(2, low=0),
        n_classes=count(3, low=0),
        n_labels=count(1),
    ),
    call(
        made(models.dcgan.Generator),
        "dcgan.Generator",
        latent_size=count(4),
        width=count(4),
        channels=count(1),
        size=count(8, low=8, high=8),
    ),
    call(
        made(models.dcgan.Discriminator),
        "dcgan.Discriminator",
        width=count(4),
        channels=count(1),
        size=count(8, low=8, high=8),
    ),
    call(made(models.Classifier), "Classifier", n_classes=count(3), channels=count(1)),
    call(
        forward(models.mlp.Generator(4, 8)),
        "mlp.Generator()",
        x=numbers(
            draw(6, 4),
            "z",
            without=(*NETS, "double"),
            spelt=False,
            more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 4)},
        ),
    ),
    call(
        forward(models.mlp.Discriminator(8)),
        "mlp.Discriminator()",
        x=numbers(
            POINTS,
            without=(*NETS, "double"),
            spelt=False,
            more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 2)},
        ),
    ),
    call(
        forward(models.dcgan.Generator(4, 4, size=8)),
        "dcgan.Generator()",
        x=numbers(
            draw(6, 4),
            "z",
            without=(*NETS, "double"),
            spelt=False,
            more={"another width": draw(6, 3), "integers": SIX[:, None].expand(6, 4)},
        ),
    ),
    call(
        forward(models.dcgan.Discriminator(4, size=8)),
        "dcgan.Discriminator()",
        x=numbers(IMAGES, without=(*NETS, "double"), spelt=False, more=BAD_IMAGES),
    ),
    call(
        forward(models.Classifier()),
        "Classifier()",
        x=numbers(
            draw(2, 1, 28, 28),
            without=(*NETS, "double"),
            spelt=False,
            more={"bytes": torch.zeros(2, 1, 28, 28, dtype=torch.uint8)},
        ),
    ),
    call(
        lambda y: models.mlp.Generator(4, 8, n_classes=3).eval()(torch.zeros(6, 4), y),
        "mlp.Generator(y)",
        y=labels(SIX, 3, "y", "label", without=("two axes", "array", "list", "int32", "bytes", "meta")),
    ),
    call(
        objectives.orthogonality,
        network=other(nn.Linear(2, 3), none=None, text="network", tensor=POINTS, without=nn.ReLU()),
    ),
    call(
        models.truncated,
        z=numbers(
            POINTS, without=("NaN", "infinite", "empty", "one axis", "no number", "one axis more", "meta"), spelt=False
        ),
        threshold=number(0.5, "threshold", "truncation", outside=(0, -1)),
        rule=name("clamp", "rule"),
    ),
    call(
        lambda generator: models.TruncatedLatents(generator, 0.5).latent_size,
        "TruncatedLatents",
        generator=other(models.mlp.Generator(4, 8), "generator", "latents", none=None, encoder=nn.Linear(2, 2)),
    ),
]
