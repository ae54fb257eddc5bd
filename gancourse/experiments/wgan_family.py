"""The experiment "wgan-family": ways to keep a critic's slope in check, on digits, at equal steps and equal seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gancourse import data, metrics, objectives, zoo
from gancourse.errors import NotFiniteError
from gancourse.experiments.table import Experiment
from gancourse.games import GAN, penalty
from gancourse.games.constraints import weight_clipping
from gancourse.models import dcgan
from gancourse.models.spectral import spectral_normalised
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam


@dataclass(frozen=True)
class Settings:
    """One way to train a small DCGAN without BatchNorm in its discriminator.

    Args:
        objective: name of the pair of losses.
        penalties: name, weight and interval of each penalty.
        spectral: whether every layer of the discriminator is spectrally normalised.
        clip: bound of the discriminator's weights; 0 for none.
        n_critic: discriminator updates per step.
        at_steps: after how many steps to measure.
        at_seconds: after how many seconds of training, in processor time, to measure as well.
        width: channels at 14 × 14.
        seed: all randomness is derived from it.
    """

    objective: str
    penalties: tuple[tuple[str, float, int], ...] = ()
    spectral: bool = False
    clip: float = 0.0
    n_critic: int = 1
    at_steps: tuple[int, ...] = (150, 300, 600)
    at_seconds: tuple[float, ...] = (10.0, 20.0, 40.0)
    width: int = 16
    seed: int = 0


methods: dict[str, Settings] = {
    "no constraint": Settings("non-saturating"),
    "weight clipping": Settings("wasserstein", clip=0.01, n_critic=5),
    "WGAN-GP": Settings("wasserstein", (("gradient-penalty", 10.0, 1),), n_critic=5),
    "spectral norm": Settings("hinge", spectral=True),
    "R1": Settings("non-saturating", (("r1", 10.0, 1),)),
    "lazy R1": Settings("non-saturating", (("r1", 10.0, 16),)),
    "relativistic, R1 + R2": Settings("relativistic-pairing", (("r1", 10.0, 1), ("r2", 10.0, 1))),
}


def trainer(settings: Settings) -> Trainer:
    """The trainer of these settings, at its start: batches of 64 digits, Adam(2e-4, 0.5, 0.9) for both players."""
    with initialised_from(settings.seed, "weights"):
        generator = dcgan.Generator(64, settings.width)
        critic = dcgan.Discriminator(settings.width, guidelines=dcgan.Guidelines(batch_norm="nowhere"))
        if settings.spectral:
            spectral_normalised(critic)
    game = GAN(
        generator,
        critic,
        objectives.objective(settings.objective),
        [penalty(objectives.penalties[name], weight, every) for name, weight, every in settings.penalties],
        settings.n_critic,
        constraint=weight_clipping(settings.clip) if settings.clip else None,
    )
    return Trainer(game, data.digits(), seed=settings.seed, optimiser=adam(2e-4, 0.5, 0.9))


def measurements(settings: Settings, n_samples: int) -> Iterator[dict[str, float]]:
    """Train until the last of `at_steps` and of `at_seconds`, and yield what is measured on the way.

    Each has the steps made, the seconds of processor time that training has taken (measuring left out), and the
    Fréchet distance between n_samples digits and as many samples.

    Raises:
        NotFiniteError: the training diverged.
    """
    training = trainer(settings)
    real = zoo.features("digits", training.batches.first(n_samples).x)
    name = metrics.label("fid", "digits-classifier", n_samples, n_samples)
    seconds, due = 0.0, list(settings.at_seconds)
    while due or training.step < max(settings.at_steps):
        began = time.process_time()
        next(training.steps(1))
        seconds += time.process_time() - began
        late = bool(due) and seconds >= due[0]
        if late or training.step in settings.at_steps:
            due = due[1:] if late else due
            made = zoo.features("digits", zoo.samples(training.game.generator, n_samples))
            yield {
                "steps": training.step,
                "seconds": round(seconds, 2),
                "due": "seconds" if late else "steps",
                name: metrics.frechet_distance(real, made),
            }


def play(method: str, settings: Settings, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed; the row's `trace` holds the measurements, its `metrics` the last one.

    A loss that is not finite ends the training and is told in the row, which keeps what was measured before.
    """
    row: dict[str, Any] = {"steps": 0, "trace": [], "metrics": {}}
    try:
        for measured in measurements(settings, n_samples):
            row["trace"].append(measured)
            row["steps"] = measured["steps"]
            row["metrics"] = {k: v for k, v in measured.items() if k.startswith("fid")}
    except NotFiniteError as error:
        row |= {"metrics": {}, "diverged": str(error)}
    return row


table = Experiment(
    "wgan-family",
    "what keeps a critic's slope in check, and what that is worth on digits at equal steps and at equal seconds",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
