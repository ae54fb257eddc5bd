"""A function that does more than return a value is refused, and what it changed is as before."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gancourse.checks import exercises
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.verdict import Wrong


def cases() -> list[Case]:
    return [Case({"x": torch.arange(6.0).view(2, 3) + k, "y": torch.tensor([0, 1])}) for k in (1, 2)]


def verdict(function: Callable[[Tensor, Tensor], object]) -> None:
    NoSideEffects(cases)("f", function)


def after(action: Callable[[Tensor, Tensor], object]) -> Callable[[Tensor, Tensor], Tensor]:
    def function(x: Tensor, y: Tensor) -> Tensor:
        action(x, y)
        return 2 * x

    return function


def no_gradient(x: Tensor, y: Tensor) -> None:
    torch.set_grad_enabled(False)


CHANGES = {
    "torch's random numbers": lambda x, y: torch.rand(()),
    "state of torch's random": lambda x, y: torch.manual_seed(0),
    "Python's random numbers": lambda x, y: random.seed(0),
    "NumPy's random numbers": lambda x, y: np.random.seed(0),  # noqa: NPY002 (what a student writes)
    "state of NumPy's random": lambda x, y: np.random.rand(),  # noqa: NPY002
    "anomaly detection on": lambda x, y: torch.autograd.set_detect_anomaly(True),
    "deterministic algorithms on": lambda x, y: torch.use_deterministic_algorithms(True),
    "default device to meta": lambda x, y: torch.set_default_device("meta"),
    "leaves a hook behind": lambda x, y: x.requires_grad and x.register_hook(lambda gradient: 2 * gradient),
    "default type": lambda x, y: torch.set_default_dtype(torch.float64),
    "switched gradients off": no_gradient,
    "the number of threads": lambda x, y: torch.set_num_threads(torch.get_num_threads() + 1),
    "changed its argument `y` in place": lambda x, y: y.zero_(),
    "changed its argument `x` in place": lambda x, y: x.data.zero_(),
    "set requires_grad of its argument `x`": lambda x, y: x.requires_grad_(not x.requires_grad),
    "calls backward itself": lambda x, y: x.requires_grad and x.sum().backward(),
    "clears gradients": lambda x, y: setattr(x, "grad", None),
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_change_is_named(message: str) -> None:
    with pytest.raises(Wrong, match=message):
        verdict(after(CHANGES[message]))


@pytest.mark.parametrize("message", CHANGES)
def test_settings_and_random_numbers_are_as_before(message: str) -> None:
    torch.manual_seed(3)
    random.seed(3)
    before = torch.get_rng_state(), random.getstate()
    numpy_before = str(np.random.get_state())  # noqa: NPY002
    with pytest.raises(Wrong):
        verdict(after(CHANGES[message]))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert str(np.random.get_state()) == numpy_before  # noqa: NPY002
    assert not torch.is_anomaly_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_default_device() == torch.device("cpu")
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_settings_are_as_before_an_exception() -> None:
    def function(x: Tensor, y: Tensor) -> Tensor:
        torch.set_default_dtype(torch.float64)
        raise ValueError("lost")

    with pytest.raises(Wrong, match="raised ValueError: lost"):
        verdict(function)
    assert torch.get_default_dtype() == torch.float32


def test_a_setting_that_was_changed_before_the_last_step_is_named() -> None:
    def answer(t_real: Tensor, t_fake: Tensor, conjugate: Callable) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return t_real.mean() - conjugate(t_fake).mean()

    with pytest.raises(Wrong, match=r"set torch's default type to torch\.float64"):
        exercises["ex-03-fgan-bound"].verify(answer)
    assert torch.get_default_dtype() == torch.float32


def test_a_value_that_depends_on_earlier_calls_is_named() -> None:
    sums: list[float] = []

    def function(x: Tensor, y: Tensor) -> Tensor:
        sums.append(x.sum().item())
        return x + max(sums)

    with pytest.raises(Wrong, match="should depend on its arguments alone"):
        verdict(function)


def test_a_result_that_a_later_call_overwrites_is_named() -> None:
    buffer = torch.empty(2, 3)
    with pytest.raises(Wrong, match="which a later call changed"):
        verdict(lambda x, y: [buffer.copy_(x.detach())])


@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x,
        lambda x, y: x[y].exp(),
        lambda x, y: [x, (y, None)],
        lambda x, y: x.detach().sum().item(),
        torch.no_grad()(lambda x, y: x + y.sum()),
    ],
    ids=["identity", "indexed", "nested", "number", "without gradient"],
)
def test_a_function_of_its_arguments_passes(function: Callable) -> None:
    verdict(function)
