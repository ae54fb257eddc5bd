"""Check of an average of weights: parameters are averaged in place, buffers are copied, nothing else changes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch13_biggan.average_mistakes import MISTAKES, Rule, average_by, right_rule
from gancourse.checks.ch13_biggan.networks import (
    N_UPDATES,
    PROBLEMS,
    Players,
    Problem,
    copies_of,
    move,
    new_players,
    tensors_of,
)
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import complain_of_hooks, random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, same, show

State = dict[str, Tensor]
History = list[State]
"""Parameters and buffers of the average after each update."""


def _text(name: str, problem: Problem, k: int) -> str:
    return f"{name}(averaged, live, {problem.decay:g}), update {k + 1} ({problem.about})"


def history_of(problem: Problem, rule: Rule) -> History:
    """The average after each update, by a rule of the check's own."""
    players, history = new_players(problem), []
    for k in range(N_UPDATES):
        average_by(rule, *players, problem.decay)
        history.append(copies_of(players.averaged))
        move(players.live, 10 + k)
    return history


def _history(name: str, function: Callable, problem: Problem, history: History) -> None:
    """Append the averages of the student's function, up to a failure."""
    players = new_players(problem)
    for k in range(N_UPDATES):
        text = _text(name, problem, k)
        with random_numbers_kept(text):
            _watched(text, name, function, players, problem)
        history.append(copies_of(players.averaged))
        move(players.live, 10 + k)


def _watched(text: str, name: str, function: Callable, players: Players, problem: Problem) -> None:
    """One update; complain of what changed beside the average's numbers."""
    live_before, own = copies_of(players.live), tensors_of(players.averaged)
    parameters = dict(players.averaged.named_parameters())
    wants = {key: p.requires_grad for key, p in (*parameters.items(), *_prefixed(players.live))}
    modes = [m.training for p in players for m in p.modules()]
    value = attempt(name, function, [*players, problem.decay], text, nothing=True)
    del value  # whatever it returns; the average is `averaged`
    _complain_of_live(text, live_before, players)
    now = dict(players.averaged.named_parameters())
    if now.keys() != parameters.keys() or any(now[key] is not parameters[key] for key in now):
        raise Wrong(
            f"{text} replaced parameters of `averaged` by other tensors; change them in place, by copy_, lerp_, mul_ "
            "or add_: an optimiser or a layer that shares the weight still has the old ones"
        )
    if any(p.grad_fn is not None or p.grad is not None for p in now.values()):
        raise Wrong(f"{text} leaves a graph or gradients at the average; update it under torch.no_grad()")
    if [m.training for p in players for m in p.modules()] != modes:
        raise Wrong(f"{text} calls train() or eval(); leave the modes of both networks as they are")
    if wants != {key: p.requires_grad for key, p in (*now.items(), *_prefixed(players.live))}:
        raise Wrong(f"{text} changed requires_grad of a parameter; leave it as it is")
    complain_of_hooks(text, [*players.averaged.modules(), *players.live.modules(), *now.values()])
    _complain_of_storage(text, own, players)


def _prefixed(network: torch.nn.Module) -> list[tuple[str, Tensor]]:
    return [(f"live.{key}", p) for key, p in network.named_parameters()]


def _complain_of_live(text: str, before: State, players: Players) -> None:
    after = tensors_of(players.live)
    changed = next((key for key in before if key not in after or not torch.equal(before[key], after[key])), None)
    if changed is not None:
        raise Wrong(
            f"{text} changed `{changed}` of `live`, the network in training. Write to `averaged` alone, call neither "
            "network, and take parameters() and buffers(): reading the `weight` of a layer with spectral norm runs its "
            "power iteration"
        )
    if any(
        p.requires_grad and not torch.equal(p.grad, torch.full_like(p, 0.25))
        for p in players.live.parameters()
        if p.grad is not None
    ) or any(p.requires_grad and p.grad is None for p in players.live.parameters()):
        raise Wrong(f"{text} changed gradients of `live`; leave them as they are")


def _complain_of_storage(text: str, own: State, players: Players) -> None:
    """The tensors that were the average's before have its numbers now, and share none with `live`."""
    now, live = tensors_of(players.averaged), tensors_of(players.live)
    if now.keys() != live.keys():
        different = ", ".join(f"`{key}`" for key in sorted(now.keys() ^ live.keys()))
        raise Wrong(f"{text} adds or removes {different}; leave the networks' parameters and buffers as they are")
    for key, tensor in now.items():
        if tensor.data_ptr() == live[key].data_ptr():
            raise Wrong(
                f"{text}: `{key}` of the average shares its memory with `live`, and will change as that is trained; "
                "copy the numbers, by copy_"
            )
        if key not in own or not torch.equal(tensor, own[key]) or tensor.data_ptr() != own[key].data_ptr():
            raise Wrong(
                f"{text}: `{key}` of the average is a new tensor, by `.data =` or `setattr`; write into the old one, "
                "by copy_, lerp_, mul_ or add_: whoever holds it should see the average"
            )


def _agree(one: History, other: History) -> bool:
    return all(
        a.keys() == b.keys() and all(a[key].dtype == b[key].dtype and same(a[key], b[key]) for key in a)
        for a, b in zip(one, other, strict=False)
    )


def check_average(name: str, function: Callable) -> None:
    """Three updates of each network lead to the right average."""
    histories: list[History] = []
    failure: Wrong | None = None
    for problem in PROBLEMS:
        histories.append([])
        try:
            _history(name, function, problem, histories[-1])
        except Wrong as wrong:
            failure = wrong
            break
    for problem, history in zip(PROBLEMS, histories, strict=False):
        expected = history_of(problem, right_rule)
        if not _agree(history, expected):
            raise Wrong(_diagnosis(name, problem, history, expected, histories))
    if failure:  # said only now, since an earlier, plainer network may be averaged wrongly already
        raise failure


def _diagnosis(name: str, problem: Problem, history: History, expected: History, histories: list[History]) -> str:
    k, key = next(
        (k, key)
        for k, (a, b) in enumerate(zip(history, expected, strict=False))
        for key in b
        if not same(a[key], b[key])
    )
    start = (
        f"{_text(name, problem, k)}: `{key}` of the average is {show(history[k][key])}; expected "
        f"{show(expected[k][key])}."
    )
    if show(history[k][key]) == show(expected[k][key]):
        difference = (history[k][key].double() - expected[k][key].double()).abs().max().item()
        is_rounding = difference < 1e-3 * expected[k][key].double().abs().max().item()
        advice = ": stay in the precision of the parameters" if is_rounding else ""
        start = f"{start} They differ by up to {difference:.3g}{advice}."
    for mistake in MISTAKES:
        if all(_agree(h, history_of(p, mistake.rule)) for p, h in zip(PROBLEMS, histories, strict=False)):
            return f"{start} {mistake.message}"
    kind = (
        "parameter: decay · averaged + (1 − decay) · live" if key in _names(problem) else "buffer: copy it from `live`"
    )
    return f"{start} It is a {kind}"


def _names(problem: Problem) -> set[str]:
    return {key for key, _ in new_players(problem).live.named_parameters()}


AVERAGING = Exercise(
    "ex-13-averaging",
    "average(averaged, live, decay)",
    points=3,
    steps=[check_average],
    description="Three updates of eleven networks: BatchNorm, spectral norm, shared weights, buffers of all kinds.",
)
