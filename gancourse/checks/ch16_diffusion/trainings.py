"""Check of a training with an average: the network's weights, the average's, its buffers, and what is called."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn
from torch.optim import Optimizer

from gancourse.checks.ch16_diffusion.training_problems import (
    PROBLEMS,
    Loss,
    Problem,
    Setting,
    State,
    Way,
    new_setting,
    state_of,
    trained,
)
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import complain_of_hooks, random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, same, show

NAMES = ("network", "average")
OF_LAST = "The average is the network of the last step: all is copied. Parameters: decay · a + (1 − decay) · w."
MISTAKES: list[tuple[Way, str]] = [
    (Way(averages="never"), "The average is still the network as it came: it is never updated."),
    (
        Way(averages="never", buffers="kept", begins="copy", mixed=lambda a, w, d, k: a),
        "The average is still the network as it came.",
    ),
    (
        Way(mixed=lambda a, w, d, k: a),
        "The average's parameters are still those of the beginning; only buffers are copied.",
    ),
    (Way(mixed=lambda a, w, d, k: w), OF_LAST),
    (
        Way(averages="before"),
        "The average is updated *before* the optimiser's step: it lacks the newest weights. Update it after.",
    ),
    (Way(averages="end"), "The average is updated once, after the training; update it after each step."),
    (Way(mixed=lambda a, w, d, k: (1 - d) * a + d * w), "The decay is on the wrong side: it multiplies the average."),
    (
        Way(buffers="kept", integers="kept"),
        "The average's buffers are those of the beginning: BatchNorm's statistics belong to other weights then. Copy "
        "them from the network.",
    ),
    (
        Way(buffers="averaged"),
        "The average's buffers are averaged as parameters are; copy them. (BatchNorm's are averages already.)",
    ),
    (Way(buffers="averaged", integers="kept"), "Buffers of floats are averaged, and others stay; copy all of them."),
    (Way(buffers="averaged", integers="averaged"), "All buffers are averaged, whole numbers too; copy them."),
    (Way(buffers="saved"), "Buffers that state_dict() leaves out stay as they were; take buffers()."),
    (
        Way(buffers="saved", twice=True),
        "A shared weight is averaged twice, by state_dict(), which also lacks a buffer.",
    ),
    (Way(twice=True), "A weight that two layers share is averaged twice at each step; take parameters()."),
    (Way(integers="kept"), "Buffers of whole numbers stay as they were; copy them as well."),
    (
        Way(clears="never"),
        "Gradients are never cleared: each step descends on the sum of all gradients so far. Call zero_grad().",
    ),
    (
        Way(clears="after"),
        "Gradients are cleared after the step alone: those from before the training count in the first. Clear them "
        "before backward().",
    ),
    (Way(steps=False), "The optimiser makes no step; call optimiser.step() after backward()."),
    (Way(steps=False, clears="never"), "The optimiser makes no step, and gradients pile up."),
    (Way(begins="zeros"), "The average begins at 0: with a decay near 1 it stays small. Begin with a copy."),
    (
        Way(begins="zeros", mixed=lambda a, w, d, k: w if k == 0 else d * a + (1 - d) * w),
        "The average begins with the weights after the first step; begin with a copy of the network as it came.",
    ),
    (
        Way(begins="first"),
        "The average begins with the weights after the first step, as torch's AveragedModel; begin with a copy of the "
        "network as it came.",
    ),
    (
        Way(mixed=lambda a, w, d, k: (a * (k + 1) + w) / (k + 2)),
        "That is the plain mean of all weights, with the first ones; the decay isn't used.",
    ),
    (
        Way(mixed=lambda a, w, d, k: (a * k + w) / (k + 1)),
        "That is the plain mean of the weights after each step; the decay isn't used.",
    ),
    (
        Way(mixed=lambda a, w, d, k: min(d, (1 + k) / (10 + k)) * a + (1 - min(d, (1 + k) / (10 + k))) * w),
        "The decay is smaller at first, (1 + k) / (10 + k); here it is the same at each step.",
    ),
    (
        Way(mixed=lambda a, w, d, k: min(d, (2 + k) / (11 + k)) * a + (1 - min(d, (2 + k) / (11 + k))) * w),
        "The decay is smaller at first, (2 + k) / (11 + k); here it is the same at each step.",
    ),
    (Way(mixed=lambda a, w, d, k: a + (1 - d) * w), "The old average isn't multiplied by the decay: it grows."),
    (Way(mixed=lambda a, w, d, k: d * a + w), "The weights aren't multiplied by 1 − decay: the average grows."),
    (Way(mixed=lambda a, w, d, k: d * a), "The average only shrinks; (1 − decay) · w is missing."),
    (Way(mixed=lambda a, w, d, k: (a + w) / 2), "Average and weights are mixed half and half; the decay isn't used."),
    (Way(mixed=lambda a, w, d, k: d * a + (1 - d) * (w - a)), "Two forms are mixed: a + (1 − decay) · (w − a)."),
    (
        Way(mixed=lambda a, w, d, k: (d ** (k + 1)) * a + (1 - d ** (k + 1)) * w),
        "The decay is raised to the number of the step; it is the same at each step.",
    ),
    (
        Way(loads=True),
        "The network gets the average's weights after each step: it should train on as if there were no average.",
    ),
]
RATES = (0.99, 0.999, 0.9999, 0.9, 0.5)
MISTAKES += [
    (Way(mixed=lambda a, w, d, k, r=r: r * a + (1 - r) * w), f"The decay is {r:g} always; take the argument.")
    for r in RATES
]


def _text(name: str, problem: Problem) -> str:
    return f"{name}(network, optimiser, loss, {problem.n_steps}, {problem.decay:g}) ({problem.about})"


def _complain_of_loss(text: str, problem: Problem, network: nn.Module, loss: Loss, averaged: object) -> None:
    """Complain unless the loss was called with the network, once for each step."""
    if any(call.network is averaged for call in loss.calls) and averaged is not network:
        raise Wrong(f"{text} calls the loss with the average; the network itself is trained")
    if any(call.network is not network for call in loss.calls):
        raise Wrong(f"{text} calls the loss with another network; train `network` itself, of which the optimiser knows")
    steps = [call.step for call in loss.calls]
    expected = list(range(problem.n_steps))
    if steps != expected:
        reasons = {
            "they count from 0, not from 1": [k + 1 for k in expected],
            "the loss is called once at each step, not twice": [k for k in expected for _ in range(2)],
            "there is a step too many": list(range(problem.n_steps + 1)),
            "a step is missing": expected[:-1],
            "the number of the step is its second argument, not always 0": [0] * len(expected),
            "they are counted down": expected[::-1],
        }
        reason = next((text for text, variant in reasons.items() if variant == steps), "each step once, from 0")
        raise Wrong(f"{text} calls the loss with the steps {show(steps)}; expected {show(expected)}: {reason}")
    if any(call.training != problem.training for call in loss.calls):
        raise Wrong(f"{text} changes the network's mode during the training; leave train() and eval() to the caller")


def _complain_of_network(text: str, problem: Problem, setting: Setting, before: list, averaged: object) -> None:
    """Complain unless the average is a network of its own and the other one's tensors, mode and hooks are as before."""
    network = setting.network
    if averaged is network:
        raise Wrong(f"{text} returned the network itself; the average is another one. Make a copy.deepcopy at first")
    if not isinstance(averaged, nn.Module):
        raise Wrong(f"{text} returned {show(averaged)}; expected a network, which holds the average")
    now = list(network.parameters())
    if len(now) != len(before) or any(p is not q for p, q in zip(now, before, strict=True)):
        raise Wrong(f"{text} replaced parameters of `network`; the optimiser has the old ones")
    own = {t.data_ptr() for t in (*network.parameters(), *network.buffers()) if t.numel()}
    shared = [n for n, t in (*averaged.named_parameters(), *averaged.named_buffers()) if t.data_ptr() in own]
    if shared:
        raise Wrong(
            f"{text}: `{shared[0]}` of the average shares its memory with `network`, and would be trained on; copy the "
            "numbers (copy.deepcopy, copy_)"
        )
    for whose, module in zip(NAMES, (network, averaged), strict=True):
        if any(m.training != problem.training for m in module.modules()):
            raise Wrong(
                f"{text}: the {whose} came out in {'evaluation' if problem.training else 'training'} mode; both keep "
                "the mode in which `network` came"
            )
        complain_of_hooks(text, [*module.modules(), *module.parameters()])
    if any(p.grad_fn is not None for p in (*averaged.parameters(), *averaged.buffers())):
        raise Wrong(f"{text} leaves a graph at the average; update it under torch.no_grad()")


def _settings(optimiser: Optimizer) -> list[dict]:
    return [{key: value for key, value in group.items() if key != "params"} for group in optimiser.param_groups]


def _trained(name: str, function: Callable, problem: Problem) -> tuple[State, State]:
    """What the student's training makes, if nothing else happened."""
    text, setting = _text(name, problem), new_setting(problem)
    network, optimiser, loss = setting
    settings = _settings(optimiser)
    before, wants = list(network.parameters()), [p.requires_grad for p in network.parameters()]
    with random_numbers_kept(text):
        averaged = attempt(name, function, [network, optimiser, loss, problem.n_steps, problem.decay], text)
    _complain_of_network(text, problem, setting, before, averaged)
    _complain_of_loss(text, problem, network, loss, averaged)
    if _settings(optimiser) != settings:
        raise Wrong(f"{text} changed settings of the optimiser, such as its learning rate; leave them to the caller")
    if [p.requires_grad for p in network.parameters()] != wants:
        raise Wrong(f"{text} changed requires_grad of the network's parameters for good")
    return state_of(network), state_of(averaged)


def _agree(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(
        one[key].dtype == other[key].dtype and same(one[key], other[key]) for key in one
    )


def check_training(name: str, function: Callable) -> None:
    """Each training leads to the right network and the right average."""
    results: list[tuple[State, State]] = []
    failure: Wrong | None = None
    for problem in PROBLEMS:
        try:
            results.append(_trained(name, function, problem))
        except Wrong as wrong:
            failure = wrong
            break
    for problem, result in zip(PROBLEMS, results, strict=False):
        for whose, ours, theirs in zip(NAMES, result, trained(problem), strict=True):
            if not _agree(ours, theirs):
                raise Wrong(f"{_difference(name, problem, whose, ours, theirs)} {_reason(results)}".rstrip())
    if failure:  # said only now, since an earlier, plainer network may be trained wrongly already
        raise failure


def _difference(name: str, problem: Problem, whose: str, ours: State, theirs: State) -> str:
    text = _text(name, problem)
    if ours.keys() != theirs.keys():
        different = ", ".join(f"`{key}`" for key in sorted(ours.keys() ^ theirs.keys()))
        return f"{text}: the {whose} differs in the names of its tensors: {different}. Return a network like `network`."
    key = next(k for k in theirs if ours[k].dtype != theirs[k].dtype or not same(ours[k], theirs[k]))
    if ours[key].dtype != theirs[key].dtype:
        return f"{text}: `{key}` of the {whose} is {ours[key].dtype}; expected {theirs[key].dtype}."
    shown = f"{show(ours[key])}; expected {show(theirs[key])}"
    if show(ours[key]) == show(theirs[key]):
        shown += f"; they differ by up to {(ours[key].double() - theirs[key].double()).abs().max():.3g}"
    return f"{text}: `{key}` of the {whose} is {shown}."


def _reason(results: list[tuple[State, State]]) -> str:
    tried = list(zip(PROBLEMS, results, strict=False))
    for way, message in MISTAKES:
        if all(_agree(r[0], w[0]) and _agree(r[1], w[1]) for p, r in tried for w in [trained(p, way)]):
            return message
    return ""


AVERAGING = Exercise(
    "ex-16-averaging",
    "train(network, optimiser, loss, n_steps, decay)",
    points=3,
    steps=[check_training],
    description="Twelve trainings: BatchNorm, shared and frozen weights, old gradients, both modes, 0 to 12 steps.",
)
