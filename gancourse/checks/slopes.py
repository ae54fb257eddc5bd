"""What chapter 7's checks share: critics of images and of points, and the gradient that a penalty sends to them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gancourse.checks.probe import Case, call, given
from gancourse.checks.verdict import Wrong, same

Critic = Callable[[Tensor], Tensor]

KEEP = "Return one value per sample; whoever trains takes the mean."
NO_GRAPH = (
    "the values are right, but no gradient flows back to the critic's weights: the penalty would teach it nothing. "
    "Pass create_graph=True to torch.autograd.grad, and detach nothing after it"
)


class Smooth(nn.Module):
    """A small critic in double precision with known weights and curvature everywhere; counts its calls."""

    __name__ = "critic"

    def __init__(self, *shape: int, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        n = int(torch.tensor(shape).prod())
        g = torch.Generator().manual_seed(seed)
        self.a = nn.Parameter(scale * torch.randn(n, 5, generator=g, dtype=torch.float64) / n**0.5)
        self.b = nn.Parameter(torch.randn(5, generator=g, dtype=torch.float64))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Scores [batch]."""
        self.calls += 1
        return (x.flatten(1).to(self.a) @ self.a).tanh() @ self.b


def slope(critic: Critic, x: Tensor) -> Tensor:
    """Gradient of the critic at x, of x's shape, itself differentiable."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]


def draw(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers in double precision, the same ones each time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def hold_to_gradients(name: str, function: Callable, right: Callable, cases: list[Case]) -> None:
    """Complain unless the sum of what a function returns has the right gradient in the critic's weights.

    Raises:
        Wrong: nothing flows back, something else does, or gradients were left behind in the critic.
    """
    for case in cases:
        critic: Smooth = case.args["critic"]
        critic.zero_grad(set_to_none=True)
        value = call(name, function, case)
        if any(weight.grad is not None for weight in critic.parameters()):
            raise Wrong(
                f"{given(name, case)} left gradients behind in the critic's weights: .backward() adds to every .grad, "
                "and the next optimiser step would use them. torch.autograd.grad returns the slope and leaves no trace"
            )
        if not value.requires_grad:
            raise Wrong(f"{given(name, case)}: {NO_GRAPH}")
        weights = list(critic.parameters())
        found = torch.autograd.grad(value.sum(), weights, allow_unused=True)
        wanted = torch.autograd.grad(right(*case.args.values()).sum(), weights, allow_unused=True)
        for g, w, weight in zip(found, wanted, weights, strict=True):
            zero = torch.zeros_like(weight)
            if not same(zero if g is None else g, zero if w is None else w):
                raise Wrong(
                    f"{given(name, case)} has the right value but sends another gradient to the critic's weights. "
                    "Every step from the slope to the result must stay in the graph: no .detach(), no .data, no no_grad"
                )
