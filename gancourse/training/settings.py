"""What decides a training besides its networks, in words: saved in checkpoints, and compared before a resumption."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from gancourse.training.trainer import Trainer

STEPS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
"""Steps at which two schedules are compared."""
SCORES = ((0.5, -2.0), (-1.0, 3.0))  # of real and of generated samples, at which two objectives are compared


def description(trainer: Trainer) -> dict[str, str]:
    """Objective, terms, optimisers, schedule and averages of a trainer, each as text.

    Functions can't be saved, so that a schedule is described by its factors at some steps, and an objective by its name
    and its losses at some scores. What has no description is left out, and not compared.
    """
    described: dict[str, str] = {}
    for number, game in enumerate(_innermost(trainer.game), 1):
        suffix = f" {number}" if number > 1 else ""
        objective = getattr(game, "objective", None)
        if objective is not None:
            described[f"objective{suffix}"] = getattr(objective, "name", type(objective).__name__)
            described |= {f"{name}{suffix}": text for name, text in _losses(objective).items()}
        terms = getattr(game, "terms", None)
        if isinstance(terms, dict):
            for player, own in terms.items():
                described[f"terms of {player}{suffix}"] = ", ".join(map(_term, own)) or "none"
    for name, optimiser in trainer.optimisers.items():
        described[f"optimiser of {name}"] = type(optimiser).__name__
        rates = zip(optimiser.param_groups, trainer.rates[name], strict=True)
        for i, (group, rate) in enumerate(rates):
            suffix = f" {i}" if i else ""
            numbers = {"learning rate": rate} | {
                k: group[k] for k in ("betas", "momentum", "weight_decay") if k in group
            }
            described |= {f"{k.replace('_', ' ')}{suffix} of {name}": _text(v) for k, v in numbers.items()}
    described |= {f"half-life of {name}": _text(average.half_life_kimg) for name, average in trainer.averages.items()}
    return described | {f"schedule at step {step}": _text(factor) for step, factor in _factors(trainer).items()}


def difference(saved: dict[str, str], current: dict[str, str]) -> str:
    """What two descriptions differ in, "" for nothing: what is in the file against what the trainer has.

    >>> difference({"learning rate of generator": "0.0002"}, {"learning rate of generator": "0.0001"})
    'learning rate of generator is 0.0002 in the file and 0.0001 here'
    """
    parts = [
        f"{name} is {saved[name]} in the file and {current[name]} here"
        for name in saved
        if name in current and saved[name] != current[name]
    ]
    # One step says that schedules differ.
    first = next((i for i, part in enumerate(parts) if part.startswith("schedule")), len(parts))
    return "; ".join(parts[: first + 1])


def _innermost(game: Any) -> Iterator[Any]:
    """The games inside of wrappers, each of which has an objective and terms of its own."""
    games = getattr(game, "games", None)
    if isinstance(games, tuple):
        for one in games:
            yield from _innermost(one)
    elif hasattr(game, "inner"):
        yield from _innermost(game.inner)
    else:
        yield game


def _term(term: Any) -> str:
    return f"{term.name} (weight {_text(term.weight)}, every {term.every}, since {term.since})"


def _text(value: Any) -> str:
    """Numbers so that equal ones are equal text, whether they were tensors or not."""
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    return f"{float(value):.9g}"


def _losses(objective: Any) -> dict[str, str]:
    """An objective's losses at fixed scores; nothing where it needs more than scores."""
    real, fake = (torch.tensor(scores) for scores in SCORES)
    try:
        losses = {
            "discriminator": objective.discriminator(real, fake),
            "generator": objective.generator(*((fake, real) if objective.relative else (fake,))),
        }
        # Rounded, as processors differ in the last digits.
        return {f"{name}'s losses at fixed scores": f"{x.double().mean().item():.4g}" for name, x in losses.items()}
    except Exception:  # a user's own objective may raise anything
        return {}


def _factors(trainer: Trainer) -> dict[int, float]:
    """The schedule's factors at some steps; those that it doesn't know are left out."""
    factors = {}
    for step in STEPS:
        try:
            factors[step] = float(trainer.schedule(step))
        except Exception:  # a user's own schedule may end
            break
    return factors
