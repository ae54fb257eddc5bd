"""Check of the update of a clipped critic: weights after three updates against an independent computation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from gancourse.checks.ch06_wasserstein.updates import (
    MISTAKES,
    N_UPDATES,
    SETTINGS,
    Players,
    Setting,
    batches,
    new_players,
    update,
)
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import random_numbers_kept
from gancourse.checks.engine.verdict import Wrong


def weight_history(setting: Setting, **switches: object) -> list[list[Tensor]]:
    """Weights after each of the updates."""
    players, history = new_players(setting), []
    for real, z in batches(setting):
        update(players, real, z, setting.bound, **switches)
        history.append(_weights(players))
    return history


def _weights(players: Players) -> list[Tensor]:
    return [w.detach().clone() for w in (*players.critic.parameters(), *players.generator.parameters())]


def _agree(one: list[list[Tensor]], other: list[list[Tensor]]) -> bool:
    pairs = [(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)]
    return all(
        torch.allclose(a, b, **({"rtol": 1e-7, "atol": 1e-9} if a.dtype == torch.float64 else {"atol": 2e-5}))
        for a, b in pairs
    )


def check_critic_update(setting: Setting, name: str, function: Callable) -> None:
    """Three updates in a setting lead to the right weights, and the generator is left alone."""
    players, history = new_players(setting), []
    trainable = _trainable(players)
    for k, data in enumerate(batches(setting)):
        before = copy.deepcopy(data)
        text = f"{name}(…), update {k + 1} with {setting.text}"
        with random_numbers_kept(text):
            attempt(
                name, function, [players.critic, players.generator, players.optimiser, *data, setting.bound], text, True
            )
        if not all(torch.equal(a, b) for a, b in zip(before, data, strict=True)):
            raise Wrong(f"{text} changed real or z in place; leave the data as it is")
        history.append(_weights(players))
        _complain_of_state(text, players, trainable)
    if not _agree(history, weight_history(setting)):
        raise Wrong(_diagnosis(history, setting))
    if any(weight.grad is not None for weight in players.generator.parameters()):
        raise Wrong(
            "The weights are right, but the critic's backward pass also ran through the generator: twice the work. "
            "Generate under torch.no_grad(), or .detach() the samples"
        )


def _trainable(players: Players) -> list[bool]:
    return [weight.requires_grad for network in players[:2] for weight in network.parameters()]


def _complain_of_state(text: str, players: Players, trainable: list[bool]) -> None:
    if not all(part.training for network in players[:2] for part in network.modules()):
        raise Wrong(f"{text} left a network in eval mode; the mode is the training's to choose")
    if _trainable(players) != trainable:
        raise Wrong(
            f"{text} changed requires_grad of a weight: the generator must stay as it is, frozen weights included. "
            ".detach() its samples, or generate under torch.no_grad()"
        )


def _diagnosis(history: list[list[Tensor]], setting: Setting) -> str:
    start = f"After {N_UPDATES} updates with {setting.text} the weights aren't the expected ones."
    for switches, message in MISTAKES:
        if _agree(history, weight_history(setting, **switches)):
            return f"{start} {message}"
    players = new_players(setting)
    if _agree(history, [_weights(players)] * N_UPDATES):
        return f"{start} No weight changed at all: backward(), then optimiser.step(), then clip."
    n_critic = len(list(players.critic.parameters()))
    if not _agree([history[0][n_critic:]], [_weights(players)[n_critic:]]):
        return f"{start} The generator's weights changed; only the critic is updated here."
    largest = max(w.abs().max().item() for w in history[-1][:n_critic])
    if largest > setting.bound + 1e-6:
        return (
            f"{start} The critic's largest weight is {largest:.4g}, beyond c: after the step, clamp every parameter in "
            "place"
        )
    return (
        f"{start} All of the critic's parameters lie within ±c, so look at the update before the clipping: clear the "
        "gradients; the loss mean(critic(fake)) − mean(critic(real)); backward; one step of the optimiser"
    )


CRITIC_UPDATE = Exercise(
    "ex-06-critic-update",
    "critic_update(critic, generator, optimiser, real, z, c)",
    points=2,
    steps=[partial(check_critic_update, setting) for setting in SETTINGS],
    description=(
        "Weights after 3 updates with SGD and RMSprop, three bounds and batches of three sizes; the generator was left "
        "alone."
    ),
)
