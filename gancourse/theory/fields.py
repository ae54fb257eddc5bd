"""Vector fields of games: the descent direction of every player, and the operators of training steps.

This module is independent of GANs: a game is an object with players, and a field is a function of one flat vector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gancourse.evaluation_mode import evaluating
from gancourse.functional import call_at

Operator = Callable[[Tensor], Tensor]
"""One training step: maps the joint weights [n] to the next ones [n]."""


@dataclass(frozen=True)
class Field:
    """A vector field v on the joint weights of some players: each player's part is the direction of its update.

    Args:
        function: maps the joint weights [n] to v, [n], differentiably.
        sizes: number of weights of each player, by name, in the order of the vector.
        project: maps joint weights to allowed ones, e.g. by clipping; applied after each update.
    """

    function: Callable[[Tensor], Tensor]
    sizes: Mapping[str, int]
    project: Callable[[Tensor], Tensor] | None = None

    def __call__(self, point: Tensor) -> Tensor:
        """The field at a point of joint weights, [n].

        Raises:
            ValueError: the point has another shape.
        """
        expected = sum(self.sizes.values())
        if point.shape != (expected,):
            raise ValueError(f"the point has shape {tuple(point.shape)}; the players have {expected} weights in all")
        return self.function(point)

    def block(self, name: str) -> slice:
        """The slice of a player's weights in the vector.

        Raises:
            ValueError: there is no such player.
        """
        if name not in self.sizes:
            raise ValueError(f"{name!r} is no player; the players are {sorted(self.sizes)}")
        end = dict(zip(self.sizes, accumulate(self.sizes.values()), strict=True))[name]
        return slice(end - self.sizes[name], end)


def _trainable(player: Any) -> dict[str, nn.Parameter]:
    return {name: w for name, w in player.network.named_parameters() if w.requires_grad}


def weights(game: Any) -> Tensor:
    """The players' current joint weights as one vector [n], in the order of `game_field`."""
    return torch.cat([w.detach().reshape(-1) for player in game.players for w in _trainable(player).values()])


def _check_players(players: Sequence[Any]) -> None:
    names = [player.name for player in players]
    if len(set(names)) < len(names):
        raise ValueError(f"the players are {names}; give each a name of its own")
    owner: dict[int, str] = {}
    for player in players:
        own_weights = _trainable(player)
        if not own_weights:
            raise ValueError(f"{player.name} has no trainable weight; leave it out of the game")
        for name, w in own_weights.items():
            if id(w) in owner:
                raise ValueError(
                    f"{owner[id(w)]} and {player.name} share the weight {name!r}; a joint vector would have it twice: "
                    "give each player weights of its own"
                )
        owner |= {id(w): player.name for w in own_weights.values()}


@contextmanager
def _frozen_memories(players: Sequence[Any]) -> Iterator[None]:
    """Inside, memories are in evaluation mode, so that evaluating a loss doesn't change them."""
    with evaluating(*(m for m in (getattr(player, "memory", None) for player in players) if m is not None)):
        yield


def game_field(game: Any, batch: Any, noise: Any) -> Field:
    """The joint descent direction v = −(∇_θ₁ L₁, ∇_θ₂ L₂, …) of a game, at a fixed batch and fixed noise.

    Each Lᵢ is the mean over the batch of the sum of that player's terms, as in a trainer. The networks' weights and
    buffers, and memories, don't change.

    Args:
        game: has `players`, each with `name`, `network` and `terms`; the networks share no weight.
        batch: real data, passed to the terms.
        noise: passed to the terms.

    Raises:
        ValueError: two players share a weight or a name, one has no trainable weight, or the game has
            `differentiable = False`, so that its terms don't depend on other players' weights.

    Source: Mescheder, Nowozin, Geiger 2017, section 2, for players who minimise.

    >>> from types import SimpleNamespace as Some
    >>> x, y = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    >>> saddle = lambda sign: lambda batch, noise: {"xy": sign * x.weight * y.weight}
    >>> game = Some(players=[Some(name="x", network=x, terms=saddle(1)), Some(name="y", network=y, terms=saddle(-1))])
    >>> game_field(game, None, None)(torch.tensor([2.0, 3.0]))
    tensor([-3.,  2.])
    """
    players = tuple(game.players)
    _check_players(players)
    if not getattr(game, "differentiable", True):
        raise ValueError(
            f"in this game (a {type(game).__name__}) some terms don't depend on other players' weights, as under "
            "OneForward or with a teacher, so that its field would have wrong derivatives; pass the game without it"
        )
    networks = [player.network for player in players]
    shapes = [{name: w.shape for name, w in _trainable(player).items()} for player in players]
    sizes = {p.name: sum(shape.numel() for shape in s.values()) for p, s in zip(players, shapes, strict=True)}

    def named(point: Tensor) -> list[dict[str, Tensor]]:
        parts = iter(point.split([shape.numel() for s in shapes for shape in s.values()]))
        return [{name: next(parts).view(shape) for name, shape in s.items()} for s in shapes]

    def function(point: Tensor) -> Tensor:
        differentiable = torch.is_grad_enabled() and point.requires_grad
        with torch.enable_grad(), _frozen_memories(players):
            point = point if differentiable else point.detach().requires_grad_()
            blocks = []
            for player, end in zip(players, accumulate(sizes.values()), strict=True):
                # Buffers are copied: BatchNorm would move its running statistics at every evaluation.
                buffers = [{name: b.clone() for name, b in network.named_buffers()} for network in networks]
                tensors = [w | b for w, b in zip(named(point), buffers, strict=True)]
                loss = sum(t.mean() for t in call_at(networks, tensors, player.terms, batch, noise).values())
                gradient = torch.zeros_like(point)
                if loss.requires_grad:
                    (computed,) = torch.autograd.grad(loss, point, create_graph=differentiable, allow_unused=True)
                    gradient = gradient if computed is None else computed
                blocks.append(-gradient[end - sizes[player.name] : end])
            return torch.cat(blocks)

    return Field(function, sizes)


def simultaneous(field: Field, step_size: float) -> Operator:
    """The step with simultaneous updates: F(θ) = θ + h v(θ), then the projection, if there is one.

    >>> saddle = Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})
    >>> simultaneous(saddle, 0.5)(torch.tensor([1.0, 1.0]))
    tensor([0.5000, 1.5000])
    """

    def step(point: Tensor) -> Tensor:
        moved = point + step_size * field(point)
        return moved if field.project is None else field.project(moved)

    return step


def alternating(field: Field, step_size: float, updates: Mapping[str, int] | None = None) -> Operator:
    """The step with alternating updates: each player moves at the weights that the players before it have reached.

    Args:
        field: of the game.
        step_size: h, the same for all players.
        updates: number of updates of each player, by name, in the order of updates; None for one each, in the field's
            order. {"discriminator": 5, "generator": 1} is the 5 : 1 step.

    Raises:
        ValueError: a name isn't a player's, a player is left out, or a count is below one.

    >>> saddle = Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})
    >>> alternating(saddle, 0.5)(torch.tensor([1.0, 1.0]))
    tensor([0.5000, 1.2500])
    >>> alternating(saddle, 0.5, {"y": 2, "x": 1})(torch.tensor([1.0, 1.0]))
    tensor([0., 2.])
    """
    updates = dict.fromkeys(field.sizes, 1) if updates is None else updates
    if set(updates) != set(field.sizes) or min(updates.values()) < 1:
        raise ValueError(f"updates are {dict(updates)}; expected at least one for each of {sorted(field.sizes)}")
    turns = [field.block(name) for name, count in updates.items() for _ in range(count)]

    def step(point: Tensor) -> Tensor:
        for block in turns:
            mask = torch.zeros_like(point)
            mask[block] = 1
            point = point + step_size * mask * field(point)
            point = point if field.project is None else field.project(point)
        return point

    return step


def trajectory(operator: Operator, start: Tensor, n_steps: int) -> Tensor:
    """The points of repeated steps, [n_steps + 1, n], with the start first.

    >>> trajectory(lambda p: p / 2, torch.tensor([4.0]), 2)[:, 0].tolist()
    [4.0, 2.0, 1.0]
    """
    points = [start]
    with torch.no_grad():
        for _ in range(n_steps):
            points.append(operator(points[-1]))
    return torch.stack(points)


def jacobian(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """Derivatives ∂vᵢ/∂θⱼ of a field or an operator, [n, n]: row i belongs to the output vᵢ.

    >>> jacobian(lambda p: torch.stack([-p[1], p[0] * p[1]]), torch.tensor([2.0, 3.0]))
    tensor([[ 0., -1.],
            [ 3.,  2.]])
    """
    return torch.autograd.functional.jacobian(function, point.detach()).detach()


def eigenvalues(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    """Eigenvalues of the Jacobian of a field or an operator, complex [n], sorted by real and then imaginary part.

    An equilibrium of a field is attracting if all real parts are below zero; a fixed point of an operator, if all
    moduli are below one.
    """
    values = torch.linalg.eigvals(jacobian(function, point)).tolist()
    precision = torch.complex128 if point.dtype == torch.float64 else torch.complex64
    return torch.tensor(sorted(values, key=lambda z: (z.real, z.imag)), dtype=precision)


def rate(operator: Operator, point: Tensor) -> float:
    """Spectral radius of an operator's Jacobian at a fixed point: the factor on the error per step.

    Below one, the fixed point is attracting with linear convergence; above one, it is repelling; at one, the
    linearisation doesn't decide.

    >>> saddle = Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1})
    >>> origin = torch.zeros(2, dtype=torch.float64)
    >>> round(rate(simultaneous(saddle, 0.5), origin), 6), round(rate(alternating(saddle, 0.5), origin), 6)
    (1.118034, 1.0)
    """
    return eigenvalues(operator, point).abs().max().item()


class Parts(NamedTuple):
    """A Jacobian's symmetric part, as that of a gradient field, and its antisymmetric part, a pure rotation."""

    symmetric: Tensor
    antisymmetric: Tensor


def parts(matrix: Tensor) -> Parts:
    """Split a square matrix into ½(J + Jᵀ) and ½(J − Jᵀ).

    A field is the gradient of a function exactly if its antisymmetric part is zero everywhere; the symmetric part of a
    bilinear zero-sum game is zero (Balduzzi et al. 2018 call the two potential and Hamiltonian games).

    >>> parts(torch.tensor([[1.0, 3.0], [1.0, 0.0]])).antisymmetric
    tensor([[ 0.,  1.],
            [-1.,  0.]])
    """
    return Parts((matrix + matrix.mT) / 2, (matrix - matrix.mT) / 2)


def on_grid(field: Field, limit: float, n: int = 21) -> tuple[Tensor, Tensor]:
    """A field of two weights on a square grid, for drawing.

    Args:
        field: of two weights.
        limit: both weights run from −limit to limit.
        n: points along each axis.

    Returns:
        Coordinates along one axis, [n], and the field, [n, n, 2]: rows belong to the second weight, as quiver and
        streamplot expect.

    Raises:
        ValueError: the field has another number of weights.

    >>> line, v = on_grid(Field(lambda p: torch.stack([-p[1], p[0]]), {"x": 1, "y": 1}), 1.0, 3)
    >>> v[2, 0].tolist()  # at (−1, 1)
    [-1.0, -1.0]
    """
    if sum(field.sizes.values()) != 2:
        raise ValueError(f"the field has {sum(field.sizes.values())} weights; pass a field of two weights")
    line = torch.linspace(-limit, limit, n, dtype=torch.float64)
    rows = [torch.stack([field(torch.stack([x, y])) for x in line]) for y in line]
    return line, torch.stack(rows)
