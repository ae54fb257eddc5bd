"""The experiment "semi-supervised": what unlabelled digits add to a hundred labels, over draws of the labels."""

from __future__ import annotations

from typing import Any

from gancourse import metrics, zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, Built, generated, recipe

N_LABELS = 100
BASE = recipe("semi-supervised-digits").changed(full=False, width=16, steps=3_000)
"""Narrower and shorter than the recipe, with the package's 10,000 digits as unlabelled data."""

methods: dict[str, Trial] = {
    name: Trial(BASE.changed(**changes), Arithmetic(channels_last=True, fused=True))
    for name, changes in {
        "labels alone": {"weight": 0.0},
        "feature matching": {},
        "adversarial": {"remedies": ()},
        "minibatch discrimination": {"remedies": (), "n_kernels": 32},
    }.items()
}
"""The same classifier, noise, steps and labelled batches in every method."""


def measure(built: Built, n_samples: int) -> dict[str, float]:
    """The averaged classifier's error on test digits; the generator's Fréchet distance, where it is trained with it."""
    ((name, accuracy),) = zoo.evaluate(built.result.eval(), built.recipe).items()
    values = {name.replace("accuracy", "error"): round(1 - accuracy, 6)}
    if not built.recipe.play.weight:
        return values
    real = zoo.features("digits", built.recipe.real().first(n_samples).x)
    samples = zoo.features("digits", generated(built.trainer.game.generator, n_samples))
    distance = metrics.frechet_distance(real, samples)
    return values | {metrics.label("fid", "digits-classifier", n_samples, n_samples): distance}


def with_own_labels(trial: Trial) -> Trial:
    """The trial with the draw of labels that has the number of its seed."""
    return trial.changed(data=f"few-labels:digits,{N_LABELS},{trial.recipe.seed}")


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, which is also the number of its draw of labels."""
    return row_of(with_own_labels(trial), lambda built: measure(built, n_samples))


table = Experiment(
    "semi-supervised",
    "what unlabelled digits add to a hundred labels, and whether good samples and a good classifier go together",
    methods,
    seeds=range(8),
    n_samples=5_000,
    play=play,
)
