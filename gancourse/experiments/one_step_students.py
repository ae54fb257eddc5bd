"""The students of the experiment "gan-vs-diffusion": a trained model's samples by one call of a network of its size."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse import training
from gancourse.diffusion import Process, clipped, ddim
from gancourse.games import (
    GAN,
    ConsistencyDistillation,
    Game,
    OneBatch,
    OneForward,
    PairDistillation,
    Term,
    distillation,
    distillation_of_pairs,
    penalty,
)
from gancourse.games.students import OneStep, denoiser_of, trainable_copy
from gancourse.models import Family
from gancourse.objectives import objective, r1, r2
from gancourse.recipes import Built, generated
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer

PAIRS, CALLS_OF_A_PAIR = 2048, 20
"""Pairs of noise and sample that a student gets from its teacher, and the teacher's calls for each."""


class Student(NamedTuple):
    """A student in training.

    Args:
        trainer: of its game.
        sample: n -> its samples, with averaged weights, [n, ...].
    """

    trainer: Trainer
    sample: Callable[[int], Tensor]


def adversarial(built: Built, judges: Family) -> Student:
    """A student that starts as its teacher, whose own samples the teacher corrects.

    Relativistic pairing with R1 and R2 on real data, beside a distillation whose weight falls to zero.

    Args:
        built: the teacher.
        judges: networks whose discriminator it has.
    """
    student, process, predicts = _copy(built)
    weight, every, updates = (1.0, 4, 200) if built.source.signature.is_image else (0.1, 1, 1000)
    teaching = distillation(built.result, process, predicts, weight=1.0, updates=updates)
    game = GAN(student, _judge(built, judges), objective("relativistic-pairing"), (*_smooth(weight, every), teaching))
    return _generating(game, built, {"generator": 2e-4, "discriminator": 1e-3})


def of_pairs(built: Built, judges: Family) -> Student:
    """A student that starts as its teacher, and gets pairs of noise and sample from it, beside a discriminator.

    Arguments as for `adversarial`.
    """
    student, *_ = _copy(built)
    terms = (*_smooth(1.0, 4), distillation_of_pairs(*pairs(built, PAIRS)))
    game = GAN(student, _judge(built, judges), objective("relativistic-pairing"), terms)
    # As a GAN's fast form: both players' updates share samples, and the discriminator's real and generated data a pass.
    return _generating(OneForward(OneBatch(game)), built, {"generator": 5e-4, "discriminator": 1e-3})


def of_pairs_alone(built: Built, judges: Family) -> Student:
    """A student of pairs without a discriminator, of which an update has 64 instead of 32, at the same rate.

    Arguments as for `adversarial`, of which judges isn't used.
    """
    student, *_ = _copy(built)
    game = PairDistillation(student, *pairs(built, PAIRS))
    return _generating(game, built, {"student": 5e-4})


def consistent(built: Built, judges: Family) -> Student:
    """A student whose estimates agree along its teacher's paths. Arguments as for `adversarial`; judges isn't used."""
    process, predicts, shape = built.recipe.play.process, built.recipe.play.predicts, built.source.signature.shape
    game = ConsistencyDistillation(trainable_copy(built.result), built.result, process, predicts)
    trainer = _trainer_of(game, built, {"student": 1e-3}, beta1=0.9)
    return Student(
        trainer,
        lambda n: generated(OneStep(trainer.averages["student"].network, process, predicts, shape).eval(), n),
    )


STUDENTS: dict[str, Callable[[Built, Family], Student]] = {
    "adversarial": adversarial,
    "pairs": of_pairs,
    "pairs alone": of_pairs_alone,
    "consistency": consistent,
}
"""By the way in which they are taught."""


def pairs(built: Built, n: int) -> tuple[Tensor, Tensor]:
    """Noise [n, latent_size], and what the teacher makes of it by DDIM in `CALLS_OF_A_PAIR` calls, [n, ...]."""
    process, fits = built.recipe.play.process, built.source.signature
    start = Noise((built.recipe.training.seed, "pairs"), n).normal("z", *fits.shape)
    denoiser = denoiser_of(built.result.eval(), process, built.recipe.play.predicts)
    if fits.is_image:
        denoiser = clipped(denoiser)
    times = process.times(CALLS_OF_A_PAIR, "trailing")
    with torch.no_grad():
        x = torch.cat([list(ddim(denoiser, part, times))[-1] for part in start.split(128)])
    return start.flatten(1), x


def _copy(built: Built) -> tuple[OneStep, Process, str]:
    process, predicts = built.recipe.play.process, built.recipe.play.predicts
    return OneStep(trainable_copy(built.result), process, predicts, built.source.signature.shape), process, predicts


def _judge(built: Built, judges: Family) -> nn.Module:
    fits = built.source.signature
    with initialised_from(built.recipe.training.seed, "discriminator"):
        return judges.pair(fits, fits)[1]


def _smooth(weight: float, every: int) -> tuple[Term, Term]:
    return penalty(r1, weight, every), penalty(r2, weight, every)


def _generating(game: Game, built: Built, rates: dict[str, float]) -> Student:
    trainer = _trainer_of(game, built, rates, beta1=0.5)
    (average,) = trainer.averages.values()
    return Student(trainer, lambda n: generated(average.network.eval(), n))


def _trainer_of(game: Game, built: Built, rates: dict[str, float], beta1: float) -> Trainer:
    """The trainer of a student's game; of its players, the first of the rates is averaged."""
    own = built.recipe.training
    return Trainer(
        game,
        built.source,
        batch_size=own.batch_size,
        seed=own.seed + 1,
        optimiser={name: training.adam(rate, beta1, 0.99) for name, rate in rates.items()},
        averages={next(iter(rates)): own.average_kimg},
        channels_last=built.source.signature.is_image,
    )
