"""Calls of the trainer and of feature extractors."""

from __future__ import annotations

import torch
from torch import nn

from gancourse import data, training, zoo
from tests.bad_calls.arguments import (
    POINTS,
    Wrong,
    call,
    count,
    draw,
    function,
    name,
    number,
    numbers,
    other,
    seed,
)
from tests.bad_calls.games import RING, game, players, trained

DIGITS = data.digits("test").first(4).x
TRAINING = [
    call(
        trained,
        "Trainer",
        batches=other(RING, none=None, tensor=POINTS),
        batch_size=count(8),
        seed=seed(),
        optimiser=other(
            training.adam(),
            none=None,
            number=2e-4,
            text="adam",
            made=torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0),
            partly=Wrong({"generator": training.adam()}, words=("optimisers",)),
        ),
        schedule=function(training.constant),
        averages=other(
            {"generator": 1.0},
            number=1.0,
            text=Wrong({"generator": "long"}, words=("half-life",)),
            zero=Wrong({"generator": 0.0}, words=("half_life",)),
            unknown={"painter": 1.0},
        ),
        precision=name("32-true", "precision"),
    ),
    call(
        lambda game: training.Trainer(game, RING).step,
        "Trainer of a game",
        game=other(game(), none=None, text="GAN", network=players()[0]),
    ),
    call(
        lambda n: len(list(training.Trainer(game(), RING, batch_size=8).steps(n))), "Trainer.steps", n=count(1, low=0)
    ),
    call(
        lambda n: len(list(training.Trainer(game(), RING, batch_size=8).until(n))), "Trainer.until", n=count(1, low=0)
    ),
    call(
        lambda **a: training.adam(**a).keywords["lr"],
        "adam",
        learning_rate=number(1e-3, outside=(-1,)),
        beta1=number(0.5, outside=(-0.1, 1, 2)),
        beta2=number(0.9, outside=(-0.1, 1, 2)),
    ),
    call(
        lambda **a: training.linear(**a)(3),
        "linear",
        n_steps=count(4),
        start=count(0, "start", "n_steps", low=0, high=3),
        final=number(0.0, outside=(-1, 2)),
    ),
    call(lambda **a: training.cosine(**a)(3), "cosine", n_steps=count(4), final=number(0.0, outside=(-1, 2))),
    call(
        lambda **a: training.Average(players()[0], **a).half_life_kimg,
        "Average",
        half_life_kimg=number(1.0, outside=(0, -1), infinite=True),
    ),
    call(
        zoo.extractor("digits-classifier"),
        "Extractor()",
        images=numbers(
            DIGITS,
            spelt=False,
            without=("one axis more", "one axis"),
            more={
                "in [0, 1]": DIGITS / 2 + 0.5,
                "0 … 255": 127.5 * DIGITS + 127.5,
                "integers": DIGITS.int(),
                "another size": Wrong(draw(2, 1, 9, 9), words=("shape",)),
            },
        )._replace(
            same={
                "double": DIGITS.double(),
                "half": DIGITS.half(),
                "bytes": data.digits("test").images[:4],
                "not contiguous": torch.stack([DIGITS, DIGITS], -1)[..., 0],
            }
        ),
    ),
    call(
        lambda **a: zoo.Extractor(**a).name,
        "Extractor",
        name=name("pixels", without=("unknown",)),
        network=function(nn.Flatten()),
        batch_size=count(5),
    ),
]
