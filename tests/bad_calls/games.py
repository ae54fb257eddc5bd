"""Calls of games."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gancourse import data, models, objectives, training
from gancourse.batch import Batch
from gancourse.games import (
    GAN,
    VAE,
    BoundaryEquilibrium,
    Consensus,
    FeatureMatching,
    HistoricalAveraging,
    ModeRegularised,
    OneBatch,
    PullAway,
    Several,
    Term,
    Unrolled,
    annealed,
    instance_noise,
    label_flipping,
    packing,
    penalty,
    weight_clipping,
)
from gancourse.rng import Noise, initialised_from
from tests.bad_calls.arguments import (
    POINTS,
    Wrong,
    call,
    count,
    function,
    name,
    number,
    other,
)


def players() -> tuple[nn.Module, nn.Module]:
    with initialised_from(0):
        return models.mlp.Generator(4, 8), models.mlp.Discriminator(8)


def game(**changes: Any) -> GAN:
    generator, discriminator = players()
    return GAN(**({"generator": generator, "discriminator": discriminator, "objective": objectives.hinge} | changes))


class Scores(nn.Module):
    """A critic of points with a last step of its own."""

    def __init__(self, last: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(2, 1), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.layer(x))


class Points(nn.Module):
    """A generator of points from latents of four numbers, of which it says something else."""

    def __init__(self, latent_size: int | None) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)
        if latent_size is not None:
            self.latent_size = latent_size

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.layer(z)


RING = data.ring(4)


def loss(batches: Any = RING, **changes: Any) -> list[float]:
    """Losses of the first two steps of a game."""
    trainer = training.Trainer(game(**changes), batches, batch_size=8)
    return [value for step in trainer.steps(2) for terms in step.losses.values() for value in terms.values()]


def trained(**arguments: Any) -> list[float]:
    trainer = training.Trainer(game(), **({"batches": RING, "batch_size": 8} | arguments))
    return [value for step in trainer.steps(1) for terms in step.losses.values() for value in terms.values()]


def batches(change: Callable[[Batch], Any]) -> Callable[[Noise], Any]:
    return lambda noise: change(RING(noise))


def term(**changes: Any) -> list[float]:
    function = changes.pop("function", lambda turn: turn.critic(turn.real).square())
    return loss(terms=[Term(**({"name": "own", "of": "discriminator", "function": function} | changes))])


NOT_NETWORKS = {"None": None, "class": models.mlp.Generator, "text": "dcgan", "function": torch.sin}
PENALTY = penalty(objectives.r1, 0.1)
BAD_BATCHES = {
    "None": None,
    "a tensor": POINTS,
    "a list": [POINTS],
    "a loader": torch.utils.data.DataLoader(POINTS),
    "of tensors": batches(lambda batch: batch.x),
    "of pairs": batches(lambda batch: (batch.x, batch.y)),
    "of few rows": batches(lambda batch: Batch(batch.x[:5])),
    "of integers": batches(lambda batch: Batch(batch.x.long())),
    "of bytes": batches(lambda batch: Batch(batch.x.to(torch.uint8))),
    "of doubles": batches(lambda batch: Batch(batch.x.double())),
    "of arrays": batches(lambda batch: Batch(batch.x.numpy())),
    "of few labels": batches(lambda batch: Batch(batch.x, batch.y[:3])),
    "of space": Wrong(batches(lambda batch: Batch(torch.cat([batch.x, batch.x], 1))), words=("x has shape", "data")),
}
BAD_CRITIC_NETWORKS = NOT_NETWORKS | {
    "scores of columns": Wrong(Scores(lambda x: x), words=("(8, 1)",)),
    "scores of patches": Wrong(Scores(lambda x: x[:, :, None, None].expand(-1, 1, 3, 3)), words=("patches",)),
    "one score": Wrong(Scores(lambda x: x.mean()), words=("average",)),
    "few scores": Wrong(Scores(lambda x: x[:3, 0]), words=("sample",)),
    "of images": Wrong(models.dcgan.Discriminator(4), words=("x has shape",)),
}
GAMES = [
    call(
        loss,
        "GAN",
        generator=other(
            players()[0],
            **NOT_NETWORKS,
            **{
                "latents too short": Wrong(Points(3), words=("latent_size",)),
                "without latent size": Wrong(Points(None), words=("latent_size",)),
                "of images": Wrong(models.dcgan.Generator(4, 4), words=("x has shape",)),
            },
        ),
        discriminator=other(players()[1], **BAD_CRITIC_NETWORKS),
        objective=other(
            objectives.hinge,
            none=None,
            text="hinge",
            factory=objectives.ebgan,
            mean=Wrong(
                objectives.Objective("mean", lambda r, f: (f - r).mean(), lambda f: -f.mean(), ""), words=("average",)
            ),
        ),
        terms=other(
            [PENALTY],
            none=None,
            function=[objectives.r1],
            alone=PENALTY,
            twice=[PENALTY, PENALTY],
            text="r1",
            called=objectives.r1,
            words=["r1"],
        ),
        n_critic=count(1),
        views=other([instance_noise(0.1)], none=None, alone=instance_noise(0.1), function=[torch.sin], text="noise"),
        constraint=other(None, number=0.01, text="clip"),
    ),
    call(loss, "GAN of batches", batches=other(RING, "batches", "the batch's", **BAD_BATCHES)),
    call(
        term,
        "Term",
        name=name("own", without=("unknown", "a number", "a list", "None")),
        of=name("discriminator", "is of", "players"),
        function=function(
            lambda turn: turn.critic(turn.real).square(),
            "function",
            "own",
            "summed",
            of_columns=lambda turn: turn.critic(turn.real)[:, None],
            of_nothing=lambda turn: None,
        ),
        weight=number(1.0),
        every=count(1, "every"),
        since=count(0, "since", low=0, without=("huge", "2⁶³")),
    ),
    call(
        lambda **a: loss(terms=[penalty(**a)]),
        "penalty",
        function=function(
            objectives.r1,
            "function",
            "penalty",
            "critic",
            summed=lambda c, r, f, e: objectives.r1(c, r).sum(),
            of_columns=lambda c, r, f, e: objectives.r1(c, r)[:, None],
            of_nothing=lambda c, r, f, e: None,
        ),
        weight=number(1.0),
        every=count(1),
    ),
    call(
        lambda **a: Consensus(**a).weight,
        "Consensus",
        game=other(game(), none=None, text="GAN", network=players()[0]),
        weight=number(1.0, outside=(-1,)),
    ),
    call(
        lambda **a: Unrolled(**a).steps,
        "Unrolled",
        game=other(game(), none=None, text="GAN"),
        steps=count(2, low=0),
        learning_rate=number(0.1, "rate", outside=(0, -1)),
    ),
    call(
        lambda **a: HistoricalAveraging(**a).weight,
        "HistoricalAveraging",
        game=other(game(), none=None),
        weight=number(1.0, outside=(-1,)),
    ),
    call(
        lambda **a: FeatureMatching(**a).weight,
        "FeatureMatching",
        game=other(game(), none=None),
        features=function(nn.Identity()),
        weight=number(1.0, outside=(-1,)),
    ),
    call(
        lambda **a: PullAway(**a).weight,
        "PullAway",
        game=other(game(), none=None),
        features=function(nn.Identity()),
        weight=number(1.0, outside=(-1,)),
    ),
    call(
        lambda **a: ModeRegularised(**a).mode,
        "ModeRegularised",
        game=other(game(), none=None),
        encoder=other(nn.Linear(2, 4), **NOT_NETWORKS),
        reconstruction=number(1.0, outside=(-1,)),
        mode=number(1.0, "mode", outside=(-1,)),
    ),
    call(
        lambda **a: BoundaryEquilibrium(*players(), **a).gamma,
        "BoundaryEquilibrium",
        gamma=number(0.5, outside=(-1, 2)),
        rate=number(0.1, outside=(0, -1)),
        n_critic=count(1),
    ),
    call(
        lambda **a: Several(**a).temper,
        "Several",
        games=other(
            [game()], none=None, alone=game(), empty=[], two=Wrong([game(), game()], words=("different generators",))
        ),
        temper=number(0.0, outside=(-1,)),
    ),
    call(
        lambda **a: OneBatch(**a).settings["one_batch"],
        "OneBatch",
        game=other(game(), "game", "two networks", none=None, text="GAN"),
    ),
    call(
        lambda **a: VAE(**a).beta,
        "VAE",
        encoder=other(nn.Linear(2, 8), **NOT_NETWORKS),
        decoder=other(players()[0], **NOT_NETWORKS),
        std=number(1.0, outside=(0, -1)),
        beta=number(1.0, outside=(-1,)),
    ),
    call(lambda **a: instance_noise(**a).turns, "instance_noise", std=number(0.1, "instance noise", outside=(-1,))),
    call(lambda **a: label_flipping(**a).turns, "label_flipping", share=number(0.1, outside=(-0.1, 1.1))),
    call(lambda **a: packing(**a).turns, "packing", m=count(2, "m ", "packs")),
    call(
        lambda **a: annealed(**a)(1),
        "annealed",
        start=number(1.0, "start", "annealed", outside=(0, -1)),
        end=number(0.1, "end", "annealed", outside=(0, -1)),
        updates=count(4, "updates", "annealed"),
    ),
    call(lambda **a: weight_clipping(**a)(nn.Linear(1, 1)), "weight_clipping", c=number(0.01, outside=(0, -1))),
]
