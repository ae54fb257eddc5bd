"""What the shared steps of checks notice: gradients that a plain sum hides, several tensors, loops that don't end."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gancourse.checks.engine.calls import call_limit
from gancourse.checks.engine.comparison import Gradients
from gancourse.checks.engine.parts import SeveralValues, joined, of_joined
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.sweeps import in_double
from gancourse.checks.engine.verdict import Wrong


def cases() -> list[Case]:
    x = torch.tensor([[1.0, 2.0, 4.0], [0.0, 3.0, 5.0]], dtype=torch.float64)
    return [Case({"x": x}), Case({"x": x.float()})]


def complaint(step: Callable[[str, Callable], None], function: Callable) -> str:
    """What a step says is wrong with a function; empty for nothing."""
    try:
        step("f", function)
    except Wrong as wrong:
        return str(wrong)
    return ""


# Gradients


def centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


def of_other_samples(x: Tensor) -> Tensor:
    """The right value, with each sample's gradient at the sample before it."""
    other = x.roll(1, 0)
    return x.detach() ** 2 + 2 * x.detach() * (other - other.detach())


def centred_without_gradient(x: Tensor) -> Tensor:
    """The right value, whose plain sum has the right gradient, 0."""
    return centred(x.detach()) + 0 * x


def test_a_gradient_that_the_plain_sum_hides_is_noticed() -> None:
    x = cases()[0].args["x"].requires_grad_()
    for function in (centred, centred_without_gradient):
        (gradient,) = torch.autograd.grad(function(x).sum(), x)
        torch.testing.assert_close(gradient, torch.zeros_like(x))
    step = Gradients(cases, centred)
    assert complaint(step, centred) == ""
    assert "the gradient of its sum with random weights with respect to x" in complaint(step, centred_without_gradient)


def test_a_gradient_at_the_wrong_sample_is_noticed_by_its_plain_sum_or_its_weighted_one() -> None:
    assert "gradient" in complaint(Gradients(cases, lambda x: x**2), of_other_samples)


def test_a_gradient_that_the_plain_sum_shows_is_told_in_its_numbers() -> None:
    message = complaint(Gradients(cases, lambda x: x**2), lambda x: x * x.detach())
    assert "its gradient with respect to x is [[1, 2, 4], [0, 3, 5]]; expected [[2, 4, 8], [0, 6, 10]]" in message


def test_in_double_leaves_the_cases_of_single_precision_out() -> None:
    assert [case.args["x"].dtype for case in in_double(cases)()] == [torch.float64]


# Several tensors


def pair(x: Tensor) -> tuple[Tensor, list[Tensor]]:
    return x.sum(), [x, 2 * x]


PAIR = SeveralValues(cases, pair, "a sum, and a list")


@pytest.mark.parametrize(
    "function",
    [pair, lambda x: [x.sum(), (x, x + x)]],
    ids=["the right one", "lists and tuples exchanged"],
)
def test_the_right_tensors_pass(function: Callable) -> None:
    assert complaint(PAIR, function) == ""


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: (x.sum(), [x, 3 * x]), "Tensor 3 of 3 is the first that differs, at [0, 0]: 3 in place of 2"),
        (lambda x: (x.sum(), [x]), "It should be a tuple of 2: a tensor of shape [], a list of 2: a tensor of shape"),
        (lambda x: x.sum(), "It should be a tuple of 2"),
        (lambda x: (x.sum(), x, 2 * x), "It should be a tuple of 2"),
        (lambda x: (x.sum().item(), [x, 2 * x]), "of another kind; expected a sum, and a list"),
        (lambda x: (x.sum().double(), [x.double(), 2 * x.double()]), "returned torch.float64; expected torch.float32"),
        (lambda x: 1 / 0, "raised ZeroDivisionError"),
    ],
    ids=["a value", "a tensor missing", "one tensor", "flat", "a number", "precision", "an error"],
)
def test_other_tensors_are_wrong_in_words(function: Callable, message: str) -> None:
    assert message in complaint(PAIR, function)


def test_gradients_of_several_tensors_are_compared_in_one_row() -> None:
    step = of_joined(Gradients(in_double(cases), joined(pair)))
    assert complaint(step, pair) == ""
    assert "in one row" in complaint(step, lambda x: (x.sum(), [x.detach(), 2 * x]))


def test_an_error_in_a_function_of_several_tensors_quotes_no_line_of_the_check() -> None:
    def broken(x: Tensor) -> tuple[Tensor, list[Tensor]]:
        return x.sum(), [x, x.missing]

    message = complaint(of_joined(Gradients(cases, joined(pair))), broken)
    assert "raised AttributeError" in message
    assert "x.missing" in message


# Loops


def test_a_loop_that_does_not_end_is_stopped_after_its_calls_whatever_it_catches() -> None:
    def endless() -> None:
        while True:
            try:
                torch.zeros(1)
            except Exception:
                continue

    with pytest.raises(Wrong, match=r"f\(\) hasn't ended after 100 calls\. End it"), call_limit(100, "f()", "End it"):
        endless()
    assert sys.getprofile() is None


def test_a_function_within_its_calls_passes_and_its_errors_pass_through() -> None:
    with call_limit(1000, "f()", "End it"):
        assert sum(torch.ones(3).tolist()) == 3
    with pytest.raises(KeyError), call_limit(1000, "f()", "End it"):
        raise KeyError
    assert sys.getprofile() is None
