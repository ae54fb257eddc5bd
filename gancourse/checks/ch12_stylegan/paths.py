"""Check of StyleGAN2's path length penalty: even lengths, each sample's own, and a running mean."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch12_stylegan.path_problems import (
    MISTAKES,
    PROBLEMS,
    Call,
    Problem,
    call_of,
    path_length_penalty,
)
from gancourse.checks.engine.comparison import PRECISIONS, followed
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import complain_of_gradients, mark_gradients, random_numbers_kept
from gancourse.checks.engine.verdict import Wrong, same, show

Answer = Callable[[Tensor, Tensor, Tensor, Tensor, float], tuple[Tensor, Tensor]]
FORMULA = (
    "With g the gradient of Σ images · noise / √(h · w) in the styles: length = √(mean over layers of Σ g²), "
    "penalty = (length − mean)², new mean = decay · mean + (1 − decay) · mean of the lengths"
)


def _text(name: str, problem: Problem, dtype: torch.dtype) -> str:
    n, *image = problem.shape
    return (
        f"{name}(…) for {n} image{'s' * (n > 1)} of {' × '.join(map(str, image))} with styles "
        f"[{n}, {problem.n_layers}, {problem.size}], mean {problem.mean:g} and decay {problem.decay:g} in "
        f"{str(dtype).removeprefix('torch.')}"
    )


def _check(problem: Problem, dtype: torch.dtype, name: str, function: Answer) -> None:
    """Values, the gradient in the generator's weights, and all that should stay as it was."""
    call, text = call_of(problem, dtype), _text(name, problem, dtype)
    *arguments, weight = call
    before = [v.detach().clone() for v in (*arguments[:4], weight)]
    mark_gradients([call.styles, weight])
    with random_numbers_kept(text):
        pair = attempt(name, function, arguments, text)
    penalty, mean = _pair(pair, text, problem)
    for key, now, original in zip(
        ("images", "styles", "noise", "mean", "weights"), (*arguments[:4], weight), before, strict=True
    ):
        if not torch.equal(now.detach(), original):
            raise Wrong(f"{text} changed {key} in place; leave the arguments as they are, and return the new mean")
    if call.noise.requires_grad or call.mean.requires_grad or not call.styles.requires_grad:
        raise Wrong(f"{text} changed requires_grad of an argument; leave the arguments as they are")
    complain_of_gradients(text, [call.styles, weight])
    _compare(text, penalty, mean, problem, dtype)
    _check_gradient(text, call, penalty, mean, problem, dtype)


def _pair(pair: object, text: str, problem: Problem) -> tuple[Tensor, Tensor]:
    is_pair = isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(v, Tensor) for v in pair)
    if not is_pair:
        raise Wrong(
            f"{text} returned {show(pair)}; expected a pair of tensors: the penalties, shape [{problem.shape[0]}], and "
            "the new mean, shape []"
        )
    return pair[0], pair[1]


def _compare(text: str, penalty: Tensor, mean: Tensor, problem: Problem, dtype: torch.dtype) -> None:
    right, right_mean = path_length_penalty(call_of(problem, dtype))
    if not same(penalty, right) or not same(mean, right_mean):
        raise Wrong(
            f"{text} gave the penalties {show(penalty)} and the mean {show(mean)}; expected {show(right)} and "
            f"{show(right_mean)}. {_diagnosis(penalty, mean, problem, dtype)}"
        )
    for what, value in (("penalties", penalty), ("mean", mean)):
        if value.dtype != dtype:
            raise Wrong(f"{text} returned {what} of {value.dtype}; expected {dtype}, as images are")


def _diagnosis(penalty: Tensor, mean: Tensor, problem: Problem, dtype: torch.dtype) -> str:
    for answer, message in MISTAKES:
        wrong, wrong_mean = answer(call_of(problem, dtype))
        if same(penalty, wrong) and same(mean, wrong_mean):
            return message
    return f"{'This case tries ' + problem.about + '. '}{FORMULA}"


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
    reference = call_of(problem, dtype)
    expected = torch.autograd.grad(path_length_penalty(reference)[0].sum(), reference.weight)
    mine = followed(text, lambda: torch.autograd.grad(penalty.sum(), call.weight, retain_graph=True))
    if not same(mine[0], expected[0]):
        raise Wrong(
            f"{text} has the right penalties, but not the right gradient in the generator's weights: the lengths are "
            "differentiable, the running mean is a constant"
        )
    try:  # the generator's other losses use the same images
        torch.autograd.grad(call.images.square().sum(), call.weight)
    except RuntimeError:
        raise Wrong(
            f"{text} freed the graph of the images, from which the generator's loss is still to be differentiated; "
            "create_graph=True keeps it"
        ) from None


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
    steps=[*(_step(problem, dtype) for dtype in PRECISIONS for problem in PROBLEMS), _check_repetition],
    description="One sample to four, one layer to five, decays of 0 to 1, gradients in the weights, both precisions.",
)
