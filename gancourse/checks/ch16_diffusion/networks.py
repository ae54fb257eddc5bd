"""A network for the checks of flows: any data, weights that can be trained, and a record of its calls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse.checks.ch16_diffusion.levels import tolerant
from gancourse.checks.engine.probe import Case, attempt, call_text
from gancourse.checks.engine.side_effects import complain_of_hooks
from gancourse.checks.engine.verdict import NotWritten, Wrong, same, show


class Call(NamedTuple):
    """One call of a network.

    Args:
        x: what it saw, a copy.
        times: as they came.
    """

    x: Tensor
    times: object


class Network(nn.Module):
    """A velocity for data of any shape that depends on state, time and the sample's mean."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float64))
        self.calls: list[Call] = []

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        """Velocities of the shape of x."""
        self.calls.append(Call(x.detach().clone(), times))
        level = torch.as_tensor(times, dtype=x.dtype)
        level = level.reshape(-1, *[1] * (x.ndim - 1)) / 1000
        of_x, of_wave, of_time, of_mean = self.weights.to(x.dtype)
        mean = x.flatten(1).mean(1).view(-1, *[1] * (x.ndim - 1))
        return of_x * x + of_wave * torch.sin(2 * x + 3 * level) + of_time * level + of_mean * mean


def new_network(k: int, dtype: torch.dtype) -> Network:
    """A network with weights that k names."""
    weights = torch.randn(4, generator=torch.Generator().manual_seed(74_000 + k), dtype=torch.float64)
    return Network(*(0.7 * weights).tolist()).to(dtype)


def linear_network(k: int) -> Network:
    """A network whose velocities are proportional to what it sees."""
    of_x, of_mean = torch.randn(2, generator=torch.Generator().manual_seed(74_500 + k), dtype=torch.float64).tolist()
    return Network(0.7 * of_x, 0.0, 0.0, 0.7 * of_mean).to(torch.float64)


TIMES: list[tuple[Callable[[Tensor], Tensor], str]] = [
    (lambda t: t, "not scaled: a time embedding for numbers up to 1000 sees nearly the same time always"),
    (lambda t: (1000 * t).round(), "rounded to whole numbers; they are 1000 t as it is"),
    (lambda t: (1000 * t).floor(), "cut to whole numbers, as .long() does; they are 1000 t as it is"),
    (lambda t: 999 * t, "999 t; they are 1000 t"),
    (lambda t: 100 * t, "100 t; they are 1000 t"),
    (lambda t: t / 1000, "divided by 1000; multiply"),
    (lambda t: 1e6 * t, "scaled twice"),
    (lambda t: 1000 * (1 - t), "turned round: 1000 (1 − t). Noise is at t = 1"),
    (lambda t: 1 - t, "1 − t, turned round and not scaled"),
    (lambda t: torch.zeros_like(t), "0; they belong to the state that the network sees"),
    (lambda t: torch.full_like(t, 1000), "1000 for every sample; they belong to the state that the network sees"),
    (lambda t: 1000 * t.mean().expand(len(t)), "the batch's mean; each sample has its own"),
    (lambda t: 1000 * t[:1].expand(len(t)), "those of the first sample; each has its own"),
]


def called(name: str, function: Callable, arguments: Sequence[object], text: str) -> bool:
    """Call a student's function; whether it returned. Why it didn't is for the step that compares values to say.

    Raises:
        NotWritten: it is the blank.
    """
    try:
        attempt(name, function, arguments, text)
    except NotWritten:
        raise
    except Wrong:
        return False
    return True


def complain_of_calls(text: str, whose: str, network: Network, t: Tensor, shape: Sequence[int]) -> None:
    """Complain unless a network was called once, with data of that shape and 1000 times these times of a flow.

    Args:
        text: the call of the student's function.
        whose: the network's name in the exercise.
        network: with its record.
        t: times of the flow, [batch].
        shape: of the data.

    Raises:
        Wrong: it was called otherwise.
    """
    if len(network.calls) != 1:
        raise Wrong(f"{text} calls the {whose} {len(network.calls)} times; expected one call")
    x, times = network.calls[0]
    if x.shape != torch.Size(shape):
        raise Wrong(
            f"{text} calls the {whose} with data of shape {list(x.shape)}; expected {list(shape)}: give the times "
            "as many axes as the data have"
        )
    if not isinstance(times, Tensor) or times.shape != t.shape:
        given = f"of shape {list(times.shape)}" if isinstance(times, Tensor) else show(times)
        raise Wrong(f"{text} calls the {whose} with times {given}; expected a tensor of shape {list(t.shape)}")
    if not same(times.double(), 1000 * t.double()):
        reason = next(
            (m for variant, m in TIMES if same(times.double(), variant(t.double()))), "something else; see the exercise"
        )
        shown = f"{show(times)} in the place of {show(1000 * t)}"
        raise Wrong(f"{text} calls the {whose} with times {shown}. They are {reason}.")


class Kept:
    """Networks that a student's function may call, and nothing else.

    Args:
        networks: by the names that they have in the exercise.
    """

    def __init__(self, networks: dict[str, Network]) -> None:
        self.networks = networks
        self.before = {name: self._state(network) for name, network in networks.items()}

    @staticmethod
    def _state(network: Network) -> tuple[Tensor, bool, bool, Tensor | None]:
        weights = network.weights
        gradient = None if weights.grad is None else weights.grad.clone()
        return weights.detach().clone(), weights.requires_grad, network.training, gradient

    def complain(self, text: str) -> None:
        """Complain of a network that isn't as before.

        Raises:
            Wrong: one has other weights, another mode, gradients or hooks.
        """
        for name, network in self.networks.items():
            weights, requires_grad, training, gradient = self._state(network)
            before = self.before[name]
            if not torch.equal(weights, before[0]):
                raise Wrong(f"{text} changed the weights of `{name}`; return the loss, and leave steps to the caller")
            if requires_grad != before[1]:
                raise Wrong(f"{text} changed requires_grad of `{name}` for good; use torch.no_grad() or .detach()")
            if training != before[2]:
                raise Wrong(f"{text} changed the mode of `{name}`, by train() or eval(); leave it to the caller")
            if (gradient is None) != (before[3] is None) or (
                gradient is not None and not torch.equal(gradient, before[3])
            ):
                raise Wrong(f"{text} changed gradients of `{name}`; return the loss, without backward() or zero_grad()")
            complain_of_hooks(text, [network, network.weights])


def gradient_of(name: str, function: Callable, case: Case, key: str) -> tuple[Tensor, Tensor | None]:
    """A student's loss and its gradient in the weights of one of its networks, None where nothing flows back.

    Args:
        name: what the function is called in the exercise.
        function: the student's.
        case: the arguments.
        key: which of them is the network.

    Raises:
        Wrong: the function failed, or its value has no gradient at all.
    """
    text = call_text(name, case)
    loss = attempt(name, function, [v.clone() if isinstance(v, Tensor) else v for v in case.args.values()], text)
    if not loss.requires_grad:
        raise Wrong(
            f"{text} has the right value, but no gradient flows back from it: the network would learn nothing. Drop "
            ".item(), .detach() and torch.no_grad() around what is trained"
        )
    (gradient,) = torch.autograd.grad(loss, [case.args[key].weights], allow_unused=True, retain_graph=True)
    return loss, gradient


def unless_it_fails(answer: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A mistake's answer, computed without a graph."""
    return torch.no_grad()(tolerant(answer))
