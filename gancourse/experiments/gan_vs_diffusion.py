"""The experiment "gan-vs-diffusion": GANs, diffusion and flow models of equal size in equal seconds, and a student."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from gancourse import metrics, training, zoo
from gancourse.data import Source
from gancourse.diffusion import RectifiedFlow
from gancourse.errors import NotFiniteError
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial
from gancourse.games import GAN, ConsistencyDistillation, Game, distillation, penalty
from gancourse.games.students import OneStep, trainable_copy
from gancourse.models import DCGAN, MLP, Family
from gancourse.objectives import objective, r1, r2
from gancourse.recipes import Arithmetic, Built, build, generated, recipe
from gancourse.recipes.plays import DiffusionSampling
from gancourse.recipes.terms import R1, R2
from gancourse.rng import initialised_from
from gancourse.training import Trainer
from gancourse.values import Value
from gancourse.zoo.judges import judge_by

POINTS, DIGITS, FASHION, FACES = (4.0, 8.0, 16.0), (45.0, 90.0, 180.0), (25.0, 50.0, 100.0), (40.0, 80.0, 160.0)
"""Processor time of training after which models are measured, in seconds; the last one ends it."""
EVALUATIONS = (1, 2, 5, 10, 25, 50)
"""Evaluations of the network per sample, by which a diffusion or flow model is measured at the end: steps of DDIM."""
ON_THE_WAY = 10
"""The same during training."""
N_SEEDS = {"ring": 5, "grid": 5, "digits": 3, "fashion": 3, "faces": 3}
N_SEEDS_OF_DENOISERS = {"faces": 2}
EXTRACTORS = {"digits": "digits-classifier", "fashion": "fashion-classifier", "faces": "faces-regressor"}


@dataclass(frozen=True)
class Contest(Value):
    """One model of the comparison.

    Args:
        trial: how it is trained.
        student: of one step, which the trained model teaches for as many seconds again: "adversarial" by distillation
            and a discriminator, "consistency" by consistency along its paths; "" for none.
        judges: networks whose discriminator the adversarial student has.
        in_steps: whether it is a diffusion or flow model, whose samples take as many evaluations as one likes.
    """

    trial: Trial
    student: Literal["", "adversarial", "consistency"] = ""
    judges: tuple[Family, ...] = ()
    in_steps: bool = False


def _trial(name: str, at_seconds: tuple[float, ...], process: Any = None, **changes: Any) -> Trial:
    """A recipe at a constant rate; one step is the fewest that it has, the seconds say when a training ends.

    Weights are averaged over the last thousands of samples of either model, so few that an early measurement of a slow
    one isn't of its first weights.
    """
    own = recipe(name)
    if process is not None:
        own = dataclasses.replace(own, play=dataclasses.replace(own.play, process=process))
    return Trial(
        own.changed(**{"steps": 1, "decay": "constant", "average_kimg": 3.0} | changes),
        Arithmetic(fast=True),
        at_seconds=at_seconds,
    )


def _of_points(name: str) -> dict[str, Contest]:
    """Models of a mixture in the plane, of 65,000 weights each."""
    pair = {"data": name, "width": 176, "batch_size": 256}
    modern = pair | {"objective": "relativistic-pairing", "terms": (R1(0.1), R2(0.1))}
    teacher = _trial("ring-flow", POINTS, data=name, learning_rate=1e-3)
    stepwise = _trial("ring-ddgan", POINTS, data=name, width=124)
    return {
        f"{name}: textbook GAN": Contest(_trial("ring", POINTS, **pair, terms=())),
        f"{name}: modern GAN": Contest(_trial("ring", POINTS, **modern)),
        f"{name}: denoising GAN": Contest(stepwise),
        f"{name}: denoising GAN without z": Contest(stepwise.changed(random_latents=False)),
        f"{name}: DDPM": Contest(_trial("ring-ddpm", POINTS, data=name, learning_rate=1e-3), in_steps=True),
        f"{name}: flow": Contest(teacher, "adversarial", (MLP(latent_size=2, width=128),), in_steps=True),
        f"{name}: flow, consistency": Contest(teacher, "consistency", in_steps=True),
    }


def _gans(name: str, at_seconds: tuple[float, ...], own: str, modern: str, **changes: Any) -> dict[str, Contest]:
    """The two GANs of a set of images."""
    return {
        f"{name}: textbook DCGAN": Contest(_trial(own, at_seconds, **changes)),
        f"{name}: modern GAN": Contest(_trial(modern, at_seconds, learning_rate=1e-3, **changes)),
    }


_IN_PACKAGE, _UNCONDITIONAL = {"full": False}, {"classes": False, "label_dropout": 0.0}
_digits_teacher = _trial("flow-digits", DIGITS, **_IN_PACKAGE, **_UNCONDITIONAL, width=12)
methods: dict[str, Contest] = {
    **_of_points("ring"),
    **_of_points("grid"),
    **_gans("digits", DIGITS, "dcgan-digits", "relativistic-digits", **_IN_PACKAGE),
    "digits: DDPM": Contest(_trial("ddpm-digits", DIGITS, **_IN_PACKAGE, width=12), in_steps=True),
    "digits: flow": Contest(_digits_teacher, "adversarial", (DCGAN(discriminator_norm="none"),), in_steps=True),
    **_gans("fashion", FASHION, "dcgan-fashion", "modern-fashion", **_IN_PACKAGE),
    **_gans("faces", FACES, "dcgan-faces", "modern-faces", width=33),
    "faces: DDPM": Contest(_trial("ddpm-faces", FACES, width=16), in_steps=True),
    "faces: flow": Contest(_trial("ddpm-faces", FACES, RectifiedFlow(), width=16, predicts="velocity"), in_steps=True),
}
"""By the data set and the model; of equal size within five per cent on each set."""


# Quality

Judge = Callable[[Tensor], dict[str, float]]


def _judge(source: Source, name: str, n: int) -> Judge:
    """Metrics of samples by name."""
    if name not in EXTRACTORS:
        return lambda samples: _of_modes(samples, source)
    extract, real = zoo.extractor(EXTRACTORS[name]), source.first(n).x
    return lambda samples: judge_by(extract, real, samples, None)


def _of_modes(samples: Tensor, source: Source) -> dict[str, float]:
    coverage = metrics.mode_coverage(samples, source.means, source.std)
    widths = metrics.mode_widths(samples, source.means, source.std)
    return {
        "modes": coverage.modes,
        "share within 3σ": coverage.share,
        "reverse KL": coverage.reverse_kl,
        "width": widths.ratio,
    }


def _samples(built: Built, n: int, n_evaluations: int | None = None) -> Tensor:
    """Samples of the result; of a denoiser, by that many steps of DDIM."""
    network = built.result.eval()
    asked = network if n_evaluations is None else DiffusionSampling("ddim", n_evaluations).of(network)
    return built.recipe.play.sample(asked, built.source, n)


def _measured(judge: Judge, sample: Callable[[], Tensor]) -> dict[str, float]:
    """Metrics of samples, and the processor time that they took."""
    began = time.process_time()
    samples = sample()
    seconds = time.process_time() - began
    if not samples.isfinite().all():
        raise NotFiniteError("a sample isn't finite")
    return {"milliseconds a sample": round(1000 * seconds / len(samples), 4)} | judge(samples)


# Training


def timed(trainer: Trainer, at_seconds: tuple[float, ...]) -> Iterator[tuple[int, float]]:
    """Train, and stop each time that so many seconds of processor time have gone by: (steps, seconds).

    Raises:
        NotFiniteError: a loss or a gradient isn't finite.
    """
    seconds, steps = 0.0, trainer.step
    for due in at_seconds:
        while seconds < due:
            began = time.process_time()
            next(trainer.steps(1))
            seconds += time.process_time() - began
        yield trainer.step - steps, round(seconds, 2)


Sample = Callable[[int], Tensor]


def _adversarial_student(contest: Contest, built: Built) -> tuple[Trainer, Sample]:
    """The trainer of a student that starts as its teacher, and how to sample it.

    Relativistic pairing with R1 and R2 on real data, beside a distillation whose weight falls to zero.
    """
    own, teacher, fits = built.recipe, built.result, built.source.signature
    process, predicts = own.play.process, own.play.predicts
    student = OneStep(trainable_copy(teacher), process, predicts, fits.shape)
    with initialised_from(own.seed, "discriminator"):
        discriminator = contest.judges[0].pair(fits, fits)[1]
    weight, every, updates = (1.0, 4, 200) if fits.is_image else (0.1, 1, 1000)
    terms = (
        penalty(r1, weight, every),
        penalty(r2, weight, every),
        distillation(teacher, process, predicts, weight=1.0, updates=updates),
    )
    game = GAN(student, discriminator, objective("relativistic-pairing"), terms)
    trainer = _trainer_of(game, built, {"generator": 2e-4, "discriminator": 1e-3}, beta1=0.5)
    return trainer, lambda n: generated(trainer.averages["generator"].network.eval(), n)


def _consistency_student(contest: Contest, built: Built) -> tuple[Trainer, Sample]:
    """The trainer of a student whose estimates agree along its teacher's paths, and how to sample it."""
    own, teacher = built.recipe, built.result
    process, predicts, shape = own.play.process, own.play.predicts, built.source.signature.shape
    game = ConsistencyDistillation(trainable_copy(teacher), teacher, process, predicts)
    trainer = _trainer_of(game, built, {"student": 1e-3}, beta1=0.9)
    return trainer, lambda n: generated(
        OneStep(trainer.averages["student"].network, process, predicts, shape).eval(), n
    )


STUDENTS = {"adversarial": _adversarial_student, "consistency": _consistency_student}


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


def play(method: str, contest: Contest, n_samples: int) -> dict[str, Any]:
    """Train one model with one seed.

    The row's `weights` counts what was trained; `trace` holds the measurements on the way, each with steps, seconds
    and "milliseconds a sample"; `metrics` the last one; `by_evaluations`, of a denoiser, one for each number of
    evaluations; `student` weights and trace of the student, if there is one.
    """
    trial, name = contest.trial, method.partition(":")[0]
    built = build(trial.recipe, arithmetic=trial.arithmetic)
    judge = _judge(built.source, name, n_samples)
    row: dict[str, Any] = {"steps": 0, "metrics": {}, "weights": _n_weights(built.trainer), "trace": []}
    try:
        n_evaluations = ON_THE_WAY if contest.in_steps else None
        for steps, seconds in timed(built.trainer, trial.at_seconds):
            values = _measured(judge, lambda: _samples(built, n_samples, n_evaluations))
            row["trace"].append({"steps": steps, "seconds": seconds, "due": "seconds"} | values)
            row |= {"steps": steps, "metrics": values}
        if contest.in_steps:
            row["by_evaluations"] = [
                {"evaluations": n} | _measured(judge, lambda n=n: _samples(built, n_samples, n)) for n in EVALUATIONS
            ]
        if contest.student:
            trainer, sample = STUDENTS[contest.student](contest, built)
            row["student"] = {"weights": _n_weights(trainer), "trace": []}
            for steps, seconds in timed(trainer, trial.at_seconds):
                values = _measured(judge, lambda: sample(n_samples))
                row["student"]["trace"].append({"steps": steps, "seconds": seconds} | values)
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    return row


def _n_weights(trainer: Trainer) -> dict[str, int]:
    return {name: _size(player.network) for name, player in trainer.players.items()}


def _size(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def _n_seeds(method: str, contest: Contest) -> int:
    name = method.partition(":")[0]
    few = N_SEEDS_OF_DENOISERS if contest.in_steps else {}
    return few.get(name, N_SEEDS[name])


table = Experiment(
    "gan-vs-diffusion",
    "which of the words about GANs and diffusion hold, at equal weights and equal seconds",
    methods,
    seeds=range(5),
    n_samples=1000,
    play=play,
    n_seeds={name: _n_seeds(name, contest) for name, contest in methods.items()},
)
