"""What the checks of penalties share: a critic with known weights, and the gradient that a penalty sends to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gancourse.checks.engine.comparison import sum_gradients
from gancourse.checks.engine.probe import Case, call, call_text
from gancourse.checks.engine.verdict import Wrong, same

Critic = Callable[[Tensor], Tensor]

NO_GRAPH = (
    "the values are right, but no gradient flows back to the critic's weights: the penalty would teach it nothing. "
    "Pass create_graph=True to torch.autograd.grad, and detach nothing after it"
)


class Smooth(nn.Module):
    """A small critic with known weights and curvature everywhere.

    Args:
        shape: of a sample.
        seed: of the weights.
        scale: of the first layer's weights.
        dtype: of the weights.
        frozen: whether the last layer is.
    """

    __name__ = "critic"

    def __init__(
        self,
        *shape: int,
        seed: int = 0,
        scale: float = 1.0,
        dtype: torch.dtype = torch.float64,
        frozen: bool = False,
    ) -> None:
        super().__init__()
        n = int(torch.tensor(shape).prod())
        g = torch.Generator().manual_seed(seed)
        self.a = nn.Parameter((scale * torch.randn(n, 5, generator=g, dtype=torch.float64) / n**0.5).to(dtype))
        b = torch.randn(5, generator=g, dtype=torch.float64).to(dtype)
        self.b = nn.Parameter(b, requires_grad=not frozen)

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return (x.flatten(1).to(self.a) @ self.a).tanh() @ self.b


class Linear(nn.Module):
    """The tasks' critic 3 x₁ + 4 x₂, whose gradient has length 5 everywhere."""

    __name__ = "critic"

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([3.0, 4.0], dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return x @ self.a


class Hinge(nn.Module):
    """A critic that is flat where x₁ is negative, as rectified units that are off make one."""

    __name__ = "critic"

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor([3.0, 4.0], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        return (x[:, 0] > 0) * (x * x @ self.a)


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic at x, of x's shape, itself differentiable."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers in double precision, the same ones each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@dataclass(frozen=True)
class FlatCritic:
    """A step of a check, once the values are right: a gradient of zero spoils neither the penalty nor its gradient.

    Args:
        case: makes the arguments, with a critic that is flat at some samples.
        value: of the penalty where the critic is flat.
    """

    case: Callable[[], Case]
    value: float

    def __call__(self, name: str, function: Callable) -> None:
        """Complain unless value and gradient are finite where the critic is flat.

        Raises:
            Wrong: a value isn't right, or a gradient is NaN.
        """
        case = self.case()
        value = call(name, function, case)
        critic = case.args["critic"]
        # A small number under the root is fine: it changes the value by its own root.
        if not torch.allclose(value[0].double(), torch.tensor(self.value, dtype=torch.float64), atol=1e-3):
            raise Wrong(
                f"{call_text(name, case)}: where the critic is flat the penalty is {value[0].item():.4g}; expected "
                f"{self.value:g}"
            )
        (gradient,) = torch.autograd.grad(value.sum(), list(critic.parameters()))
        if not torch.isfinite(gradient).all():
            raise Wrong(
                f"{call_text(name, case)} has the right value, but its gradient is NaN where the critic is flat: a "
                "square root has no derivative at 0, and one flat sample spoils all weights. torch's norm has the "
                "derivative 0 there; a tiny number added under the root helps too, or no root at all"
            )


def frozen(cases: Callable[[], list[Case]]) -> Callable[[], list[Case]]:
    """Cases with a critic whose last layer is frozen, in the place of theirs.

    Args:
        cases: makes the arguments to try.
    """

    def with_frozen_critic() -> list[Case]:
        critics = [Smooth(*case.args["real"].shape[1:], frozen=True) for case in cases()]
        return [
            case._replace(args=case.args | {"critic": critic})
            for case, critic in zip(cases(), critics, strict=True)
            if case.args["real"].dtype == torch.float64
        ]

    return with_frozen_critic


@dataclass(frozen=True)
class CriticGradients:
    """A step of a check, once the values are right: the critic's weights get the gradient of the right answer.

    Args:
        cases: makes the arguments to try, with a `Smooth` critic.
        right: maps a case's arguments to the right answer.
    """

    cases: Callable[[], Sequence[Case]]
    right: Callable[..., Tensor]

    def __call__(self, name: str, function: Callable) -> None:
        """Complain unless the sum of what a function returns has the right gradient in the critic's weights.

        Raises:
            Wrong: nothing flows back, something else does, or gradients were left behind in the critic.
        """
        for case in self.cases():
            critic: Smooth = case.args["critic"]
            value = call(name, function, case)
            if any(weight.grad is not None for weight in critic.parameters()):
                raise Wrong(
                    f"{call_text(name, case)} left gradients behind in the critic's weights: .backward() adds to every "
                    ".grad, and the next optimiser step would use them. torch.autograd.grad returns the gradient and "
                    "leaves no trace"
                )
            if not value.requires_grad:
                raise Wrong(f"{call_text(name, case)}: {NO_GRAPH}")
            weights = list(critic.parameters())
            ours = sum_gradients(value, weights)
            theirs = sum_gradients(self.right(*case.args.values()), weights)
            if not all(same(g, expected) for g, expected in zip(ours, theirs, strict=True)):
                raise Wrong(
                    f"{call_text(name, case)} has the right value but sends another gradient to the critic's weights. "
                    "Every step from the critic's gradient to the result must stay in the graph: no .detach(), no "
                    ".data, no no_grad"
                )
