"""What each technique is worth in the training step of a StyleGAN2; `python -m benchmarks.modulation` measures it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import textbook_modulation, turns
from gancourse.games import OneBatch, OneForward
from gancourse.models import fold_if_possible
from gancourse.models.batch_statistics import MinibatchStd
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam, has_bf16

SCALED, JOINT, BF16 = "scaled form", "one discriminator batch", "bf16"
TECHNIQUES = (SCALED, "channels last", "folding", "fused Adam", JOINT, "one generator forward", BF16)


class WithoutStatistics(nn.Module):
    """Instead of `MinibatchStd`: a map of zeros, so that a sample's score depends on it alone."""

    def forward(self, x: Tensor) -> Tensor:
        """Features with the map appended."""
        return torch.cat([x, torch.zeros_like(x[:, :1])], 1)


def independent(discriminator: nn.Module) -> nn.Module:
    """The discriminator, which from now on scores each sample for itself."""
    for module in discriminator.modules():
        for name, child in module.named_children():
            if isinstance(child, MinibatchStd):
                setattr(module, name, WithoutStatistics())
    return discriminator


def with_techniques(names: Iterable[str], batch_size: int, compares: bool = True) -> Trainer:
    """The recipe's trainer with some techniques.

    Args:
        names: of TECHNIQUES.
        batch_size: samples in a batch.
        compares: whether the discriminator compares the samples of a batch, as the recipe's does.

    Raises:
        ValueError: there is no such technique, or the networks don't allow it.
    """
    enabled = set(names)
    if unknown := enabled - set(TECHNIQUES):
        raise ValueError(f"{', '.join(sorted(unknown))}: expected some of {', '.join(TECHNIQUES)}")
    chosen = textbook_modulation.compared().changed(batch_size=batch_size)
    source, settings = chosen.source(), chosen.training
    with initialised_from(settings.seed, "weights"):
        game = chosen.play.game(source.signature)
    networks = {player.name: player.network for player in game.players}
    # Change the networks, and then the game around them, as `build` does for --fast.
    if not compares:
        independent(networks["discriminator"])
    if SCALED not in enabled:
        textbook_modulation.as_grouped(networks["generator"])
    for name, wrapper in ((JOINT, OneBatch), ("one generator forward", OneForward)):
        game = wrapper(game) if name in enabled else game
    if "folding" in enabled:
        for network in networks.values():
            fold_if_possible(network, in_place=True)
    rates = chosen.play.rates()
    return Trainer(
        game,
        source,
        batch_size=batch_size,
        seed=settings.seed,
        optimiser={
            name: adam(
                settings.learning_rate * rates.get(name, 1.0), settings.beta1, settings.beta2, "fused Adam" in enabled
            )
            for name in networks
        },
        schedule=settings.schedule(),
        averages=dict.fromkeys(chosen.play.averaged, settings.average_kimg),
        precision="bf16-mixed" if BF16 in enabled else "32-true",
        channels_last="channels last" in enabled,
    )


def pair_of(technique: str, comparison: str, batch_size: int) -> tuple[Trainer, Trainer]:
    """The control, and the same trainer with the technique.

    Args:
        technique: of TECHNIQUES.
        comparison: "alone" or "last".
        batch_size: samples in a batch.
    """
    # The scaled form is the course's own, so the others are tried with it; what needs another discriminator, by itself.
    others = {SCALED} if comparison == "alone" else set(TECHNIQUES) - {JOINT}
    if comparison == "last" and not has_bf16(torch.device("cpu")):
        others -= {BF16}
    control = others - {technique}
    compares = technique != JOINT
    return with_techniques(control, batch_size, compares), with_techniques(control | {technique}, batch_size, compares)


def seconds_by_player(trainer: Trainer, steps: int) -> dict[str, float]:
    """Seconds a step that each player's updates take."""
    sums = dict.fromkeys(trainer.players, 0.0)
    for _ in range(steps * len(trainer.turns)):
        player = trainer.turns[trainer.turn % len(trainer.turns)].name
        began = time.perf_counter()
        trainer.update()
        sums[player] += time.perf_counter() - began
    return {name: total / steps for name, total in sums.items()}


def worth(technique: str, comparison: str, batch_size: int, rounds: int, steps: int) -> dict[str, Any]:
    """How many times as fast a technique makes a step, and each player's part of it.

    Both trainers take turns; each makes one step as warm-up and then the timed ones, and every other round begins with
    the other one. The first round isn't counted.

    Returns:
        A row: for the whole step and for each player, median seconds of the control and with the technique, and the
        median and quartiles over rounds of their ratio.
    """
    trainers = dict(zip(("control", "technique"), pair_of(technique, comparison, batch_size), strict=True))
    seconds: dict[str, list[dict[str, float]]] = {side: [] for side in trainers}
    for turn in range(rounds + 1):
        for side in list(trainers)[:: 1 if turn % 2 else -1]:
            next(trainers[side].steps(1))
            own = seconds_by_player(trainers[side], steps)
            if turn:
                seconds[side].append(own | {"step": sum(own.values())})
    row: dict[str, Any] = {"technique": technique, "comparison": comparison, "batch_size": batch_size}
    row |= {"rounds": rounds, "steps": steps, "parts": {}}
    for part in seconds["control"][0]:
        slow, fast = ([own[part] for own in seconds[side]] for side in trainers)
        low, middle, high = turns.ratios(slow, fast)
        medians = {"control": statistics.median(slow), "technique": statistics.median(fast)}
        row["parts"][part] = medians | {"ratio": middle, "quartiles": [low, high]}
    return row


def line(row: dict[str, Any]) -> str:
    """What a row of `worth` says: milliseconds a step, how many times faster, and for each player."""
    parts = row["parts"]
    whole = parts["step"]
    low, high = whole["quartiles"]
    players = ", ".join(f"{name} {part['ratio']:.2f} ×" for name, part in parts.items() if name != "step")
    share = parts["discriminator"]["technique"] / whole["technique"]
    return (
        f"  {row['technique']:24} {1e3 * whole['control']:8.1f} → {1e3 * whole['technique']:8.1f} ms  "
        f"{whole['ratio']:.2f} × ({low:.2f} to {high:.2f}); {players}; the discriminator takes {share:.0%}"
    )


def here() -> list[str]:
    """Those that this machine has."""
    return [name for name in TECHNIQUES if name != BF16 or has_bf16(torch.device("cpu"))]
