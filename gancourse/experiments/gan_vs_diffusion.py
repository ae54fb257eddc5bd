"""The experiment "gan-vs-diffusion": GANs, diffusion and flow models of equal size in equal seconds, and a student."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn

from gancourse import metrics, zoo
from gancourse.data import Source
from gancourse.diffusion import RectifiedFlow
from gancourse.errors import NotFiniteError
from gancourse.experiments.one_step_students import STUDENTS
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial
from gancourse.models import DCGAN, MLP, Family
from gancourse.recipes import Arithmetic, Built, build, recipe
from gancourse.recipes.plays import DiffusionSampling
from gancourse.recipes.terms import R1, R2
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
        student: of one step, which the trained model teaches for as many seconds again: one of `STUDENTS`; "" for none.
        judges: networks whose discriminator the student has, if it has one.
        in_steps: whether it is a diffusion or flow model, whose samples take as many evaluations as one likes.
    """

    trial: Trial
    student: Literal["", "adversarial", "pairs", "pairs alone", "consistency"] = ""
    judges: Family | None = None
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
        f"{name}: flow": Contest(teacher, "adversarial", MLP(latent_size=2, width=128), in_steps=True),
        f"{name}: flow, consistency": Contest(teacher, "consistency", in_steps=True),
    }


def _gans(name: str, at_seconds: tuple[float, ...], own: str, modern: str, **changes: Any) -> dict[str, Contest]:
    """The two GANs of a set of images."""
    return {
        f"{name}: textbook DCGAN": Contest(_trial(own, at_seconds, **changes)),
        f"{name}: modern GAN": Contest(_trial(modern, at_seconds, learning_rate=1e-3, **changes)),
    }


_IN_PACKAGE, _UNCONDITIONAL = {"full": False}, {"classes": False, "label_dropout": 0.0}
_JUDGES = DCGAN(discriminator_norm="none")
_digits_teacher = _trial("flow-digits", DIGITS, **_IN_PACKAGE, **_UNCONDITIONAL, width=12)
methods: dict[str, Contest] = {
    **_of_points("ring"),
    **_of_points("grid"),
    **_gans("digits", DIGITS, "dcgan-digits", "relativistic-digits", **_IN_PACKAGE),
    "digits: DDPM": Contest(_trial("ddpm-digits", DIGITS, **_IN_PACKAGE, width=12), in_steps=True),
    "digits: flow": Contest(_digits_teacher, "adversarial", _JUDGES, in_steps=True),
    "digits: flow, pairs": Contest(_digits_teacher, "pairs", _JUDGES, in_steps=True),
    "digits: flow, pairs alone": Contest(_digits_teacher, "pairs alone", in_steps=True),
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


def timed(trainer: Trainer, at_seconds: tuple[float, ...], spent: float = 0.0) -> Iterator[tuple[int, float]]:
    """Train, and stop each time that so many seconds of processor time have gone by: (steps, seconds).

    Args:
        trainer: of a game.
        at_seconds: when to stop.
        spent: seconds that were needed before the training.

    Raises:
        NotFiniteError: a loss or a gradient isn't finite.
    """
    seconds, steps = spent, trainer.step
    for due in at_seconds:
        while seconds < due:
            began = time.process_time()
            next(trainer.steps(1))
            seconds += time.process_time() - began
        yield trainer.step - steps, round(seconds, 2)


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
            began = time.process_time()
            student = STUDENTS[contest.student](built, contest.judges)
            spent = time.process_time() - began  # pairs take a while
            row["student"] = {"weights": _n_weights(student.trainer), "trace": []}
            for steps, seconds in timed(student.trainer, trial.at_seconds, spent):
                values = _measured(judge, lambda: student.sample(n_samples))
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
