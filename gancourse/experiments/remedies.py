"""What each remedy against mode collapse is worth on the ring and on the grid, one change at a time."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from gancourse import data, metrics, zoo
from gancourse.data import Mixture
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.games import (
    FeatureMatchingRemedy,
    HistoricalAveragingRemedy,
    InstanceNoiseRemedy,
    LabelFlippingRemedy,
    ModeRegularisedRemedy,
    PackingRemedy,
    PullAwayRemedy,
    SeveralRemedy,
    UnrolledRemedy,
)
from gancourse.models import MLP, EnergyMLP
from gancourse.recipes import Adversarial, Arithmetic, Data, Recipe, Training
from gancourse.recipes.building import build
from gancourse.recipes.terms import R1, R2
from gancourse.rng import Noise
from gancourse.training import Trainer

Target = Literal["ring", "grid"]
LATENT_SIZE, HIDDEN = 4, 64
BASE = Recipe(
    "remedies",
    "the plain GAN that each remedy changes",
    Data("unit-ring"),
    Adversarial(MLP(LATENT_SIZE, HIDDEN)),
    Training(steps=2000, batch_size=128, learning_rate=3e-3, beta1=0.0, beta2=0.99, decay="linear"),
)
# Networks this small spend a fifth of their time in the plain Adam's Python.
FUSED = Arithmetic(fused=True)

_TANH = {"activation": "tanh", "latent_scale": 6.0}
_R1, _R1_R2 = {"terms": (R1(0.1),)}, {"objective": "relativistic-pairing", "terms": (R1(0.1), R2(0.1))}
REMEDIES: dict[str, dict[str, Any]] = {
    "GAN": {},
    "one-sided label smoothing": {"objective": "label-smoothing"},
    "label flipping": {"remedies": (LabelFlippingRemedy(0.05),)},
    "instance noise": {"remedies": (InstanceNoiseRemedy(0.5, 0.005, 1500),)},
    "dropout in D": {"dropout": 0.3},
    "feature matching": {"remedies": (FeatureMatchingRemedy(),)},
    "minibatch discrimination": {"n_kernels": 4},
    "historical averaging": {"remedies": (HistoricalAveragingRemedy(0.01),)},
    "virtual batch norm in G": {"n_reference": 32},
    "two time scales": {"generator_rate": 0.25},
    "unrolled, 3 steps": {"remedies": (UnrolledRemedy(3, 0.001),)},
    "packing 2": {"remedies": (PackingRemedy(2),)},
    "packing 4": {"remedies": (PackingRemedy(4),)},
    "three discriminators": {"remedies": (SeveralRemedy(3),)},
    "mode regularisation": {"remedies": (ModeRegularisedRemedy(0.2, 0.4),)},
    "energy-based D": {
        "family": EnergyMLP(LATENT_SIZE, HIDDEN),
        "objective": "ebgan-margin-1",
        "remedies": (PullAwayRemedy(0.1),),
    },
    "R1": _R1,
    "relativistic + R1 + R2": _R1_R2,
    "tanh in G": _TANH,
    "tanh in G, R1": _TANH | _R1,
    "tanh in G, relativistic + R1 + R2": _TANH | _R1_R2,
}
"""What each remedy changes in the recipe, by its name."""


def mixture(target: Target) -> Mixture:
    """The papers' ring (radius 1, σ 0.01) or grid (spacing 2, σ 0.05), divided by its root mean square coordinate.

    The division is preprocessing, the same for every method: without it, one learning rate would not suit both.
    """
    return data.load(f"unit-{target}")


def trial(name: str, target: Target, **changes: Any) -> Trial:
    """The training of one remedy, with other changes on top.

    Raises:
        KeyError: there is no remedy of that name.
        ValueError: there is no such option.
    """
    return Trial(BASE.changed(data=f"unit-{target}", **REMEDIES[name]).changed(**changes), FUSED)


def trainer(name: str, target: Target, seed: int = 0) -> Trainer:
    """The trainer of one remedy, at its start; errors as for `trial`."""
    remedy_trial = trial(name, target, seed=seed)
    return build(remedy_trial.recipe, arithmetic=remedy_trial.arithmetic).trainer


def judge(generator: nn.Module, target: Target, n_samples: int) -> dict[str, float]:
    """What a generator's samples reach of a mixture: by its known modes, and by a detector that doesn't know them.

    Raises:
        NotFiniteError: a sample isn't finite.
    """
    exact = mixture(target)
    samples = zoo.samples(generator, n_samples)
    coverage = metrics.mode_coverage(samples, exact.means, exact.std)
    detector = metrics.CollapseDetector(exact(Noise((0, "collapse detector"), 5000)).x, n_cells=32)
    variety = detector(samples[:1000])
    return {
        "modes": coverage.modes,
        "share within 3σ": round(coverage.share, 4),
        "reverse KL": round(coverage.reverse_kl, 4),
        "lost": round(variety.lost, 4),
        "alarm": int(variety.collapsed),
        # What an alarm should say: the share of the true modes that got less than half of what is theirs.
        "truly lost": round((coverage.nearest < n_samples / len(exact.means) / 2).double().mean().item(), 4),
    }


def play(method: str, remedy_trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one remedy and judge its generator."""
    target = remedy_trial.recipe.data.name.removeprefix("unit-")
    return row_of(remedy_trial, lambda built: judge(built.result.eval(), target, n_samples))


LAST = "tanh in G, relativistic + R1 + R2"


def _table(target: Target, about: str) -> Experiment:
    methods = {name: trial(name, target) for name in REMEDIES}
    methods[f"{LAST}; larger, longer, averaged"] = trial(
        LAST, target, width=128, depth=3, steps=5_000, learning_rate=2e-3, average_kimg=20.0
    )
    return Experiment(f"remedies-{target}", about, methods, seeds=range(10), n_samples=2500, play=play)


ring_remedies = _table("ring", "which remedies find all eight modes of the ring")
grid_remedies = _table("grid", "which remedies find all 25 modes of the grid")
