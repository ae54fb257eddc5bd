"""Check of StyleGAN2's path length penalty: even lengths, each sample's own, and a running mean."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch12_stylegan.path_mistakes import MISTAKES
from gancourse.checks.ch12_stylegan.path_problems import (
    PROBLEMS,
    SCALED,
    Call,
    Problem,
    call_of,
    path_length_penalty,
    swept_problems,
)
from gancourse.checks.engine.comparison import PRECISIONS, followed
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import random_numbers_kept
from gancourse.checks.engine.sweeps import drawn
from gancourse.checks.engine.verdict import Wrong, same, show
from gancourse.checks.engine.watching import complain_of_gradients, complain_of_hooks, mark_gradients

Answer = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
FORMULA = (
    "With g the gradient of Σ images · noise / √(h · w) in the styles: length = √(mean over layers of Σ g²), "
    "penalty = (length − mean)², new mean = decay · mean + (1 − decay) · mean of the lengths"
)

SINGLE = (
    "That is computed in single precision; stay in the precision of the arguments: no .float(), and new tensors of "
    "their type (dtype=images.dtype)"
)


def _text(name: str, problem: Problem, dtype: torch.dtype) -> str:
    n, *image = problem.shape
    return (
        f"{name}(…) for {n} image{'s' * (n > 1)} of {' × '.join(map(str, image))} with styles "
        f"[{n}, {problem.n_layers}, {problem.size}], mean {problem.mean * 2.0**problem.power:g} and "
        f"decay {problem.decay:g} in {str(dtype).removeprefix('torch.')}"
    )


def _check(problem: Problem, dtype: torch.dtype, name: str, function: Answer) -> None:
    """Values, the gradient in the generator's weights, and all that should stay as it was."""
    call, text = call_of(problem, dtype), _text(name, problem, dtype)
    watched = {"images": call.images, "styles": call.styles, "noise": call.noise, "mean": call.mean}
    watched |= {"the weights": call.weight, "the latents' weights or the styles": call.source}
    before = [v.detach().clone() for v in watched.values()]
    mark_gradients([call.source, call.weight])
    with random_numbers_kept(text):
        pair = attempt(name, function, call[:5], text)
    penalty, mean = _pair(pair, text, problem)
    for (key, now), original in zip(watched.items(), before, strict=True):
        if not torch.equal(now.detach(), original):
            raise Wrong(f"{text} changed {key} in place; leave the arguments as they are, and return the new mean")
    if call.noise.requires_grad or call.mean.requires_grad or not call.styles.requires_grad:
        raise Wrong(f"{text} changed requires_grad of an argument; leave the arguments as they are")
    complain_of_gradients(text, [call.source, call.weight])
    complain_of_hooks(text, watched.values())
    _compare(text, penalty, mean, problem, dtype)
    _check_gradient(text, call, penalty, mean, problem, dtype)


def _pair(pair: object, text: str, problem: Problem) -> tuple[Tensor, Tensor]:
    parts = list(pair) if isinstance(pair, tuple | list) else None
    if parts is None or len(parts) != 2 or not all(isinstance(v, Tensor) for v in parts):
        kinds = show(pair) if parts is None else " and ".join(f"a {type(v).__name__}" for v in parts)
        raise Wrong(
            f"{text} returned {kinds}; expected a pair of tensors: the penalties, shape [{problem.shape[0]}], and "
            "the new mean, shape []: no .item(), no float()"
        )
    return parts[0], parts[1]


def _same(pair: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor], problem: Problem) -> bool:
    """Whether two pairs agree, relative to the size of the paths."""
    return all(
        a.shape == b.shape and same(_unscaled(a, power, problem), _unscaled(b, power, problem))
        for a, b, power in zip(pair, right, (2, 1), strict=True)
    )


def _unscaled(value: Tensor, power: int, problem: Problem) -> Tensor:
    """A value without the power of two that multiplies the images, or with its own precision if there is none."""
    return value.double() * 2.0 ** (-power * problem.power) if problem.power else value


def _compare(text: str, penalty: Tensor, mean: Tensor, problem: Problem, dtype: torch.dtype) -> None:
    right, right_mean = path_length_penalty(call_of(problem, dtype))
    if not _same((penalty, mean), (right, right_mean), problem):
        raise Wrong(
            f"{text} gave the penalties {show(penalty)} and the mean {show(mean)}; expected {show(right)} and "
            f"{show(right_mean)}. {_diagnosis(penalty, mean, problem, dtype)}"
        )
    for what, value in (("penalties", penalty), ("mean", mean)):
        if value.dtype != dtype:
            raise Wrong(f"{text} returned {what} of {value.dtype}; expected {dtype}, as images are")


def _diagnosis(penalty: Tensor, mean: Tensor, problem: Problem, dtype: torch.dtype) -> str:
    for answer, message in MISTAKES:
        if _same((penalty, mean), answer(call_of(problem, dtype)), problem):
            return message
    right = path_length_penalty(call_of(problem, dtype))
    if _same((penalty.float(), mean.float()), right, problem):
        return SINGLE
    shapes = [list(penalty.shape), list(mean.shape)]
    if shapes != [[problem.shape[0]], []]:
        return f"Their shapes are {shapes[0]} and {shapes[1]}; they should be [{problem.shape[0]}] and []. {FORMULA}"
    return f"This case tries {problem.about}. {FORMULA}"


def _check_gradient(text: str, call: Call, penalty: Tensor, mean: Tensor, problem: Problem, dtype: torch.dtype) -> None:
    if not penalty.requires_grad:
        raise Wrong(
            f"{text} has the right penalties, but no gradient flows back from them: pass create_graph=True to "
            "torch.autograd.grad, and detach nothing of the lengths"
        )
    if mean.requires_grad:
        raise Wrong(
            f"{text}: the new mean carries a graph, which would grow from update to update; it is a number to compare "
            "with: detach the lengths in it"
        )
    # Weights of both signs: the plain sum doesn't say from which sample a gradient came.
    weights = drawn(5_000, len(penalty)).to(dtype)
    reference = call_of(problem, dtype)
    expected = _leaf_gradients((path_length_penalty(reference)[0] * weights).sum(), reference)
    mine = followed(text, lambda: _leaf_gradients((penalty * weights).sum(), call))
    for ours, theirs in zip(mine, expected, strict=True):
        if not same(_unscaled(ours, 2, problem), _unscaled(theirs, 2, problem)):
            reason = "the lengths are differentiable, each sample's own, and the running mean is a constant"
            if same(ours.float(), theirs):
                reason = SINGLE
            at = (ours - theirs).abs().argmax()
            raise Wrong(
                f"{text} has the right penalties, but not the right gradient in the generator's weights, "
                f"{ours.flatten()[at]:.4g} in place of {theirs.flatten()[at]:.4g} where it differs most: {reason}"
            )
    try:  # the generator's other losses use the same images
        torch.autograd.grad(call.images.square().sum(), call.weight)
    except RuntimeError:
        raise Wrong(
            f"{text} freed the graph of the images, from which the generator's loss is still to be differentiated; "
            "create_graph=True keeps it"
        ) from None


def _leaf_gradients(value: Tensor, call: Call) -> list[Tensor]:
    return list(torch.autograd.grad(value, (call.weight, call.source), retain_graph=True))


def _step(problem: Problem, dtype: torch.dtype) -> Callable[[str, Answer], None]:
    return lambda name, function: _check(problem, dtype, name, function)


def _check_repetition(name: str, function: Answer) -> None:
    """The same arguments give the same pair, whatever was called in between, and results aren't overwritten."""
    calls = [call_of(problem, torch.float64) for problem in (PROBLEMS[0], PROBLEMS[2], PROBLEMS[0])]
    pairs, copies = [], []
    for call in calls:
        pair = _pair(function(*call[:5]), name, PROBLEMS[0])
        pairs.append(pair)
        copies.append([v.detach().clone() for v in pair])
    for pair, copy in zip(pairs, copies, strict=True):
        if not all(torch.equal(a.detach(), b) for a, b in zip(pair, copy, strict=True)):
            raise Wrong(f"{name}(…) returned a tensor that a later call changed: make a new one at each call")
    if not all(same(a, b) for a, b in zip(copies[0], copies[2], strict=True)):
        raise Wrong(
            f"{name}(…) gave another pair when it was called again with the same arguments: keep no counter and no "
            "running mean of your own; the mean is an argument"
        )


PATH_LENGTH_PENALTY = Exercise(
    "ex-12-path-length-penalty",
    "path_length_penalty(images, styles, noise, mean, decay)",
    points=4,
    steps=[
        *(_step(problem, dtype) for dtype in PRECISIONS for problem in PROBLEMS),
        *(_step(problem, torch.float64) for problem in (*swept_problems(), *SCALED)),
        _check_repetition,
    ],
    description="One sample to seven, one layer to nine, decays of 0 to 1, lengths of 1e-5 to 1e60, gradients in the "
    "weights of generator and mapping, both precisions.",
)
