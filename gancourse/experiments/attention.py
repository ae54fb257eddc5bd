"""The experiment "attention": BigGAN without self-attention, with it, with a known mistake, and with a control.

The control has the same weights, at the same values at the start, but each place sees itself alone.
"""

from __future__ import annotations

from typing import Any

from gancourse import zoo
from gancourse.experiments.table import Experiment
from gancourse.experiments.trials import Trial, row_of
from gancourse.recipes import Arithmetic, recipe

STEPS = 700
_BASE = recipe("biggan-faces").changed(width=8, batch_size=32, steps=STEPS, average_kimg=2.0)
methods: dict[str, Trial] = {
    name: Trial(_BASE.changed(attention=form), Arithmetic(fast=True))
    for name, form in {
        "no attention": "none",
        "as released": "released",
        "own place only": "own-place",
        "softmax over queries": "over-queries",
    }.items()
}
"""All but the first start from equal weights. The last is a mistake of public code that no picture and no distance
has shown: its rows of weights sum to anything.

See github.com/labmlai/annotated_deep_learning_paper_implementations/issues/146.
"""


def play(method: str, trial: Trial, n_samples: int) -> dict[str, Any]:
    """Train one method with one seed, and measure its samples as the zoo does; the row has the final shares γ too."""
    shares: dict[str, float] = {}

    def measure(built: Any) -> dict[str, float]:
        for player in built.trainer.game.players:
            for name, weight in player.network.named_parameters():
                if name.endswith("share"):
                    shares[f"γ, {player.name}"] = round(weight.item(), 4)
        return zoo.Trained(built.recipe, built.result.eval()).with_standing_statistics().evaluate(n_samples)

    return row_of(trial, measure) | {"shares": shares}


table = Experiment(
    "attention",
    "whether self-attention brings BigGAN nearer to faces, and whether its distance shows a wrong softmax",
    methods,
    seeds=range(3),
    n_samples=2000,
    play=play,
)
