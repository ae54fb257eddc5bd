"""Updates of a clipped critic: networks and data to try one with, the usual one, and ways in which it goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus
from torch.optim import SGD, Optimizer, RMSprop

N_UPDATES = 3
Loss = Callable[[Tensor, Tensor], Tensor]
"""Of real scores and of fake scores."""


class Setting(NamedTuple):
    """Networks and data to try an update with.

    Args:
        optimiser: its name.
        dtype: of networks and data.
        bound: c, where parameters are clipped.
        n_samples: size of the batches.
        sign: −1 for a critic that scores the data lower than generated samples at the start.
        are_stale: whether all of the critic's weights have a gradient already.
        is_frozen: whether the generator's first weight is frozen.
        about: what it tries, for messages.
    """

    optimiser: str
    dtype: torch.dtype = torch.float64
    bound: float = 0.5
    n_samples: int = 8
    sign: float = 1.0
    are_stale: bool = False
    is_frozen: bool = False
    about: str = ""

    @property
    def text(self) -> str:
        """The setting in words."""
        return f"{self.optimiser}{f', {self.about},' if self.about else ''} and c = {self.bound}"


SETTINGS = [
    Setting("SGD"),
    Setting("RMSprop"),
    Setting("SGD", sign=-1.0, about="a critic that scores the data low at the start"),
    Setting("SGD", bound=0.05, n_samples=3, about="batches of 3"),
    Setting("SGD", torch.float32, bound=1.5, n_samples=5, about="batches of 5 in float32"),
    Setting("SGD", are_stale=True, about="gradients that the critic had before the first update"),
    Setting("SGD", is_frozen=True, about="a generator with a frozen weight"),
]


class Players(NamedTuple):
    """The two networks, and the critic's optimiser."""

    critic: nn.Module
    generator: nn.Module
    optimiser: Optimizer


Action = Callable[[Players, float], object]
"""Something done to the players in an update, given c."""


def new_players(setting: Setting) -> Players:
    """Fresh small networks, the same ones each time; some weights start outside ±c."""
    torch.manual_seed(4)
    critic = nn.Sequential(nn.Linear(2, 6), nn.LeakyReLU(0.2), nn.Linear(6, 1), nn.Flatten(0)).to(setting.dtype)
    generator = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).to(setting.dtype)
    with torch.no_grad():
        for weight in (*critic.parameters(), *generator.parameters()):
            weight.mul_(2)
        for weight in critic[2].parameters():
            weight.mul_(-setting.sign)
    if setting.are_stale:
        for weight in critic.parameters():
            weight.grad = torch.ones_like(weight)
    generator[0].weight.requires_grad_(not setting.is_frozen)
    weights = critic.parameters()
    is_plain = setting.optimiser == "SGD"
    return Players(critic, generator, SGD(weights, lr=0.1) if is_plain else RMSprop(weights, lr=0.02))


def batches(setting: Setting) -> list[tuple[Tensor, Tensor]]:
    """Data and latents of each update."""
    torch.manual_seed(5)
    n = setting.n_samples
    draws = [(3 * torch.randn(n, 2) + 2, torch.randn(n, 3)) for _ in range(N_UPDATES)]
    return [(real.to(setting.dtype), z.to(setting.dtype)) for real, z in draws]


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, averaged over the batch."""
    return fake.mean() - real.mean()


def update(
    players: Players,
    real: Tensor,
    z: Tensor,
    c: float,
    *,
    loss: Loss = critic_loss,
    first: Action = lambda players, c: None,
    between: Action = lambda players, c: None,
    last: Action = lambda players, c: clamp(players.critic, c),
    zero: bool = True,
    clear_after: bool = False,
) -> None:
    """One update with gradients by torch.autograd.grad, and switches that break it."""
    critic, generator, optimiser = players
    first(players, c)
    weights = list(critic.parameters())
    value = loss(critic(real), critic(generator(z).detach()))
    for weight, gradient in zip(weights, torch.autograd.grad(value, weights), strict=True):
        weight.grad = gradient if zero or weight.grad is None else weight.grad + gradient
    between(players, c)
    optimiser.step()
    last(players, c)
    if clear_after:
        optimiser.zero_grad()


def clamp(network: nn.Module, c: float, which: str = "", low: float = -1.0) -> None:
    """Clamp the parameters whose name contains a word, between low · c and c."""
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if which in name:
                weight.clamp_(low * c, c)


def _clip_gradients(players: Players, c: float) -> None:
    nn.utils.clip_grad_value_(players.critic.parameters(), c)


def _clip_gradient_norm(players: Players, c: float) -> None:
    nn.utils.clip_grad_norm_(players.critic.parameters(), c)


def _rescale(players: Players, c: float) -> None:
    with torch.no_grad():
        for weight in players.critic.parameters():
            weight.mul_((c / weight.norm()).clamp(max=1))


def _nothing(players: Players, c: float) -> None:
    pass


MISTAKES: list[tuple[dict, str]] = [
    (
        {"first": lambda t, c: clamp(t.critic, c), "last": _nothing},
        "That clips before the update: the weights that G meets have left [−c, c] again. Clip after optimiser.step().",
    ),
    (
        {"between": lambda t, c: clamp(t.critic, c), "last": _nothing},
        "That clips between backward() and step(): the step then carries the weights out of [−c, c]. Clip after it.",
    ),
    (
        {"last": lambda t, c: clamp(t.generator, c)},
        "That clips the generator. It may choose any weights; only the critic must be Lipschitz.",
    ),
    (
        {"last": lambda t, c: (clamp(t.critic, c), clamp(t.generator, c))},
        "That clips the generator as well: G then can't even stretch its samples over the data. Clip the critic only.",
    ),
    (
        {"between": _clip_gradients, "last": _nothing},
        "That clips the gradients, not the weights: steps get shorter, but the critic's own gradient has no bound.",
    ),
    (
        {"between": _clip_gradient_norm, "last": _nothing},
        "That limits the norm of the gradients, a remedy against exploding steps. The weights must lie in [−c, c].",
    ),
    ({"last": _rescale}, "That rescales each tensor to norm c; the paper's clipping clamps every single number."),
    (
        {"last": _nothing},
        "That doesn't clip the critic at all. (weight.clamp(−c, c) returns a new tensor and changes nothing: "
        "clamp_ works in place.)",
    ),
    (
        {"last": lambda t, c: clamp(t.critic, c, "weight")},
        "That leaves the biases out. The paper clips every parameter of the critic.",
    ),
    (
        {"last": lambda t, c: clamp(t.critic, c, low=0.0)},
        "That clips to [0, c]: without negative weights the critic can only grow along each axis.",
    ),
    (
        {"loss": lambda real, fake: -(real.mean() - fake.mean()).abs()},
        "That takes the absolute value of the difference: a critic that starts by scoring the data low learns to go on "
        "so. Descend mean(fake) − mean(real), whatever its sign is.",
    ),
    (
        {"loss": lambda real, fake: real.mean() - fake.mean()},
        "That has the critic's sign flipped: it learns to score the data low. Descend mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean()},
        "That is the hinge loss under the name of Wasserstein; the critic's loss is mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: fake.sigmoid().mean() - real.sigmoid().mean()},
        "That leaves a sigmoid on the critic: its scores are any real numbers.",
    ),
    (
        {"loss": lambda real, fake: softplus(-real).mean() + softplus(fake).mean()},
        "That is the cross-entropy of chapter 2; the critic's loss is mean(fake) − mean(real).",
    ),
    (
        {"loss": lambda real, fake: (fake - real).sum()},
        "That sums over the batch: the step then grows with the batch size. Average.",
    ),
    (
        {"last": lambda t, c: clamp(t.critic, c, "2.")},
        "That clips the critic's last layer only. The paper clips every parameter of the critic.",
    ),
    (
        {"last": lambda t, c: clamp(t.critic, 0.5)},
        "That clips at 0.5, whatever c is: the bound is the argument c.",
    ),
    (
        {"last": lambda t, c: clamp(t.critic, 0.01)},
        "That clips at 0.01, the paper's value, whatever c is: the bound is the argument c.",
    ),
    (
        {"loss": lambda real, fake: (real - 1).square().mean() + fake.square().mean()},
        "That is the least-squares loss; the critic's loss is mean(fake) − mean(real).",
    ),
    ({"loss": lambda real, fake: -real.mean()}, "That is the real half of the loss only; add mean(fake)."),
    ({"loss": lambda real, fake: fake.mean()}, "That is the fake half of the loss only; subtract mean(real)."),
    (
        {"loss": lambda real, fake: (fake.mean() - real.mean()) / 2},
        "That is half the loss: mean(fake) − mean(real), without the factor ½.",
    ),
    (
        {"loss": lambda real, fake: (fake - real).sum() / 8},
        "That divides by 8, whatever the size of the batch is: average.",
    ),
    (
        {"zero": False, "clear_after": True},
        "Gradients are cleared at the end of each update, but not before its first backward(): those that the critic "
        "has from elsewhere are added to the first update.",
    ),
    (
        {"zero": False},
        "That forgets zero_grad(): the gradients of all updates so far pile up.",
    ),
]
