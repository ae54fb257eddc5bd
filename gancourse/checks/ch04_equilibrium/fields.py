"""Checks of the Jacobian of a vector field and of the step in which players take turns."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes

Field = Callable[[Tensor], Tensor]


def rotation(p: Tensor) -> Tensor:
    """The field of the bilinear game: min over p[0], max over p[1] of their product."""
    return torch.stack([-p[1], p[0]])


def friction(p: Tensor) -> Tensor:
    """A game with a field that is neither a gradient nor a rotation."""
    return torch.stack([p[1] - 0.5 * p[0] ** 2, -2 * p[0] - p[1] ** 3 + 1])


def three(p: Tensor) -> Tensor:
    """A field of three weights that all depend on one another."""
    return torch.stack([p[1] * p[2], p[0].sin() - p[2], p[0] * p[1] + p[2] ** 2])


def coupled(p: Tensor) -> Tensor:
    """A field of any number of weights that all depend on one another, steeper the larger they are."""
    n = len(p)
    i = torch.arange(n, dtype=p.dtype)
    matrix = (i[:, None] + 2 * i + i[:, None] * i / 3).sin()
    return (matrix @ p).sin() + p * (p @ p)


def jacobian(field: Field, point: Tensor) -> Tensor:
    """The right answer of ex-04-jacobian."""
    return torch.autograd.functional.jacobian(field, point)


def _points() -> list[tuple[Field, list[float]]]:
    return [
        (rotation, [2.0, 3.0]),
        (friction, [0.5, -1.5]),
        (three, [0.3, -0.7, 1.1]),
        (friction, [-2.0, 0.25]),
    ]


def _jacobian_cases() -> list[Case]:
    about = {rotation: "the bilinear game", friction: "a game with curvature", three: "a field of three weights"}
    return [
        Case({"field": field, "point": torch.tensor(point, dtype=dtype)}, about[field])
        for dtype in PRECISIONS
        for field, point in _points()
    ]


def _swept_points() -> list[Case]:
    """One to nine weights, near zero and far away."""
    cases = []
    for k in range(16):
        (n,) = sizes(k, 9)
        point = (1 + k % 4) * drawn(k + 50, n)
        cases.append(Case({"field": coupled, "point": point.to(PRECISIONS[k % 2])}, f"a field of {n} weights"))
    return cases


def _central_differences(h: float) -> Callable[[Field, Tensor], Tensor]:
    def differences(field: Field, point: Tensor) -> Tensor:
        eye = torch.eye(len(point)).to(point)
        return torch.stack([(field(point + h * e) - field(point - h * e)) / (2 * h) for e in eye], 1)

    return differences


def _differences(field: Field, point: Tensor) -> Tensor:
    h = 1e-3
    return torch.stack([(field(point + h * e) - field(point)) / h for e in torch.eye(len(point)).to(point)], 1)


JACOBIAN_MISTAKES = [
    Mistake(
        lambda f, p: jacobian(f, p).mT,
        "That is the transpose: row i should hold the derivatives of the output vᵢ, J[i, j] = ∂vᵢ/∂θⱼ. The eigenvalues "
        "are the same, but the players' blocks change places.",
    ),
    Mistake(
        lambda f, p: -jacobian(f, p),
        "That is −J, the Jacobian of the gradients. The field v already has the minus sign of descent in it.",
    ),
    Mistake(
        lambda f, p: jacobian(f, p).sum(0),
        "That is the gradient of the sum of all outputs, one row: backward() on v.sum() adds the rows of J up. "
        "Differentiate each vᵢ on its own.",
    ),
    Mistake(
        lambda f, p: jacobian(f, p).diagonal(),
        "That is the diagonal alone: what each weight does to its own direction. The conflict of the players stands "
        "beside it.",
    ),
    Mistake(
        lambda f, p: jacobian(f, p).diagonal().diag(),
        "That is J with zeros off the diagonal: each player's derivative in its own weight only, as if the other stood "
        "still.",
    ),
    Mistake(
        lambda f, p: (jacobian(f, p) + jacobian(f, p).mT) / 2,
        "That is the symmetric part ½(J + Jᵀ): right for one loss, where J is minus a Hessian; a game's J isn't "
        "symmetric, and the rotation is lost.",
    ),
    Mistake(
        lambda f, p: jacobian(f, p).mT @ jacobian(f, p),
        "That is JᵀJ, which belongs to the squared length of v; J itself is asked for.",
    ),
    *[
        Mistake(
            _central_differences(h),
            f"That is a central difference quotient with the step {h:g}, off by a term of its square. Let autograd do "
            "it.",
        )
        for h in (1e-1, 1e-2, 1e-3, 1e-4)
    ],
    Mistake(
        _differences,
        "That is a one-sided difference quotient, off by a term of its step. Let autograd do it.",
    ),
]


FIELD_JACOBIAN = Exercise(
    "ex-04-jacobian",
    "field_jacobian(field, point)",
    points=1,
    steps=[
        Values(_jacobian_cases, jacobian, JACOBIAN_MISTAKES),
        Values(_swept_points, jacobian, hint=OF_EVERY_KIND),
        NoSideEffects(_jacobian_cases, with_gradient=False),
    ],
    description="Fields of one to nine weights, bilinear and curved, in single and double precision.",
)


def alternating_step(field: Field, point: Tensor, step_size: float, n_critic: int) -> Tensor:
    """The right answer of ex-04-alternating-step."""
    for _ in range(n_critic):
        point = torch.stack([point[0], point[1] + step_size * field(point)[1]])
    return torch.stack([point[0] + step_size * field(point)[0], point[1]])


def _step_cases() -> list[Case]:
    plain = {rotation: "the bilinear game", friction: "a game with curvature"}
    return [
        Case(
            {"field": field, "point": torch.tensor(point, dtype=dtype), "step_size": h, "n_critic": k},
            f"{plain[field]}, {k} updates of D for one of G",
        )
        for dtype in PRECISIONS
        for field, point, h, k in (
            (rotation, [1.0, 1.0], 0.5, 1),
            (rotation, [1.0, -1.0], 0.5, 1),
            (friction, [0.5, -1.5], 0.1, 1),
            (rotation, [2.0, 1.0], 0.25, 3),
            (friction, [-0.5, 0.25], 0.2, 5),
        )
    ]


def _swept_steps() -> list[Case]:
    """Up to 30 updates of the discriminator, from points and with steps of several sizes."""
    cases = []
    for k in range(16):
        (n_critic,) = sizes(k, 30)
        point = 10 ** (k % 3 - 1) * drawn(k, 2)
        args = {"field": (rotation, softened)[k % 2], "point": point.to(PRECISIONS[k // 2 % 2])}
        about = f"{n_critic} updates of D for one of G"
        cases.append(Case(args | {"step_size": (0.3, 0.05, 1.5)[k % 3], "n_critic": n_critic}, about))
    return cases


def softened(p: Tensor) -> Tensor:
    """A field that pulls both weights together, gently however far they are."""
    return torch.stack([-(p[0] - p[1]).tanh(), (2 * p[0]).sin() - 0.2 * p[1].tanh()])


def _moved(point: Tensor, v: Tensor, h: float, *which: int) -> Tensor:
    out = point.clone()
    for i in which:
        out[i] = point[i] + h * v[i]
    return out


def _generator_first(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    p = _moved(p, f(p), h, 0)
    for _ in range(k):
        p = _moved(p, f(p), h, 1)
    return p


def _stale_critic(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    p = _moved(p, f(p), h * k, 1)
    return _moved(p, f(p), h, 0)


def _stale_generator(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    return torch.stack([_moved(p, f(p), h, 0)[0], alternating_step(f, p, h, k)[1]])


def _simultaneous(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    return p + h * f(p)


def _all_simultaneous(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    for _ in range(k):
        p = p + h * f(p)
    return p


def _critic_only(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    for _ in range(k):
        p = _moved(p, f(p), h, 1)
    return p


def _both_k(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    for _ in range(k):
        p = alternating_step(f, p, h, 1)
    return p


def _roles(f: Field, p: Tensor, h: float, k: int) -> Tensor:
    for _ in range(k):
        p = _moved(p, f(p), h, 0)
    return _moved(p, f(p), h, 1)


STEP_MISTAKES = [
    Mistake(
        _simultaneous,
        "That is the simultaneous step: both players look at the old point. Here G must see where D has gone.",
    ),
    Mistake(
        _all_simultaneous,
        "That moves both players at once, n_critic times: move D alone in the loop, then G once.",
    ),
    Mistake(_generator_first, "That lets G move first. Here D does, as in a training: n_critic updates, then G."),
    Mistake(
        _roles,
        "That has the players swapped: point[0] is the generator's weight and point[1] the discriminator's.",
    ),
    Mistake(
        _stale_critic,
        "That makes D's updates all from the old point, one stride of n_critic · h: compute the field anew for each.",
    ),
    Mistake(
        _stale_generator,
        "That moves G by the field of the old point, from before D's updates: call field again after the loop.",
    ),
    Mistake(lambda f, p, h, k: alternating_step(f, p, h, 1), "That makes one update of D, whatever n_critic says."),
    Mistake(_both_k, "That lets G move n_critic times too: G's update stands after the loop, not in it."),
    Mistake(_critic_only, "That moves D only: after its updates G makes one as well."),
    Mistake(
        lambda f, p, h, k: alternating_step(f, p, -h, k),
        "That steps against the field: v has the minus of descent in it already, so add h·v.",
    ),
]


ALTERNATING_STEP = Exercise(
    "ex-04-alternating-step",
    "alternating_step(field, point, step_size, n_critic)",
    points=2,
    steps=[
        Values(_step_cases, alternating_step, STEP_MISTAKES),
        Values(_swept_steps, alternating_step, hint=OF_EVERY_KIND),
        NoSideEffects(_step_cases, with_gradient=False),
    ],
    description="Two games, 1 : 1, 3 : 1 and 5 : 1, in single and double precision.",
)
