"""Check of spherical interpolation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def _rows(values: list[list[float]], dtype: torch.dtype) -> Tensor:
    return torch.tensor(values, dtype=dtype)


def _column(t: float | Tensor, like: Tensor) -> Tensor:
    """The share t as [batch, 1] or [1]."""
    t = torch.as_tensor(t, dtype=like.dtype)
    return t[:, None] if t.ndim else t.reshape(1)


def _unit(z: Tensor) -> Tensor:
    return z / z.norm(dim=-1, keepdim=True)


def slerp(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    """The right answer of ex-09-slerp: the angle from chords, sines as sinc, so that nothing is divided by zero."""
    a, b, s = z0.double(), z1.double(), _column(t, z0).double()
    u, v = _unit(a), _unit(b)
    turns = 2 * torch.atan2((u - v).norm(dim=-1, keepdim=True), (u + v).norm(dim=-1, keepdim=True)) / torch.pi
    share = ((1 - s) * torch.sinc((1 - s) * turns) * a + s * torch.sinc(s * turns) * b) / torch.sinc(turns)
    return share.to(z0.dtype)


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        a = _rows([[1.0, 0.0, 0.5], [0.0, -2.0, 1.0]], dtype)
        b = _rows([[0.0, 3.0, 1.0], [1.5, 1.0, 0.0]], dtype)
        nudge = _rows([[0.0, 1e-4, 0.0], [1e-4, 0.0, 0.0]], dtype)
        axes = _rows([[2.0, 0.0, 0.0], [0.0, -3.0, 0.0]], dtype)
        torch.manual_seed(4)
        example = {"z0": _rows([[1.0, 0.0]], dtype), "z1": _rows([[0.0, 2.0]], dtype), "t": 0.5}
        c, d = torch.randn(3, 3, dtype=dtype), torch.randn(3, 3, dtype=dtype)
        wide, far = torch.randn(5, 64, dtype=dtype), torch.randn(5, 64, dtype=dtype)
        cases += [
            Case(example, "the task's example"),
            Case({"z0": a, "z1": b, "t": 0.25}, "a quarter of the way, vectors of different norms"),
            Case({"z0": a, "z1": b, "t": torch.tensor([0.2, 0.9], dtype=dtype)}, "one t per sample"),
            Case({"z0": c, "z1": d, "t": torch.tensor([0.1, 0.5, 0.8], dtype=dtype)}, "as many samples as dimensions"),
            Case({"z0": a, "z1": b, "t": 0.0}, "the start"),
            Case({"z0": a, "z1": b, "t": 1.0}, "the end"),
            Case({"z0": wide, "z1": far, "t": 0.5}, "64 dimensions"),
            Case({"z0": axes, "z1": axes, "t": 0.3}, "identical vectors: the angle is 0"),
            Case({"z0": a, "z1": a, "t": 0.3}, "identical vectors, whose cosine may round to more than 1"),
            Case({"z0": a, "z1": a + nudge, "t": 0.3}, "vectors that are nearly parallel"),
            Case({"z0": a, "z1": torch.stack([a[0], b[1]]), "t": 0.3}, "identical vectors beside different ones"),
        ]
    return cases


def _swept() -> list[Case]:
    """Angles from 3 to 170 degrees (145 in float32), lengths from 0.05 to 3, any shares, two to forty dimensions."""
    cases = []
    for k in range(24):
        n, d = (1 + size for size in sizes(k, 20, 39))
        draws = torch.Generator().manual_seed(100 + k)
        angle, long, other, t = torch.rand(4, n, 1, generator=draws, dtype=torch.float64)
        u, v = _unit(drawn(k, n, d)), drawn(50 + k, n, d)
        v = _unit(v - (u * v).sum(1, keepdim=True) * u)
        angle = 0.05 + (2.45 if k % 2 else 2.9) * angle
        z0, z1 = 3 * long.clamp(min=0.02) * u, 3 * other.clamp(min=0.02) * (angle.cos() * u + angle.sin() * v)
        share = t[:, 0] if k % 3 else t[0, 0].item()
        dtype = PRECISIONS[k % 2]
        args = {"z0": z0.to(dtype), "z1": z1.to(dtype), "t": share.to(dtype) if k % 3 else share}
        cases.append(Case(args, "other angles, lengths and shares"))
    return cases


def _cosine(z0: Tensor, z1: Tensor) -> Tensor:
    return (_unit(z0) * _unit(z1)).sum(-1, keepdim=True).clamp(-1, 1)


def _angle(z0: Tensor, z1: Tensor) -> Tensor:
    return _cosine(z0, z1).acos()


def _linear(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    s = _column(t, z0)
    return (1 - s) * z0 + s * z1


def _sines(z0: Tensor, z1: Tensor, t: float | Tensor, angle: Tensor) -> Tensor:
    s = _column(t, z0)
    return ((1 - s) * angle).sin() * z0 + (s * angle).sin() * z1


def _formula(z0: Tensor, z1: Tensor, t: float | Tensor, angle: Tensor) -> Tensor:
    return _sines(z0, z1, t, angle) / angle.sin()


def _safe(z0: Tensor, z1: Tensor, t: float | Tensor, angle: Tensor) -> Tensor:
    return torch.where(angle < 1e-3, _linear(z0, z1, t), _formula(z0, z1, t, angle))


def _whole_angle(z0: Tensor, z1: Tensor) -> Tensor:
    cosine = (z0 * z1).sum() / (z0.norm() * z1.norm())
    return cosine.clamp(-1, 1).acos()


def _raw_angle(z0: Tensor, z1: Tensor) -> Tensor:
    return (z0 * z1).sum(-1, keepdim=True).acos()


def _raw_clamped(z0: Tensor, z1: Tensor) -> Tensor:
    return (z0 * z1).sum(-1, keepdim=True).clamp(-1, 1).acos()


def _no_sine(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    return _sines(z0, z1, t, _angle(z0, z1))


def _circle(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    return _sines(z0, z1, t, torch.full_like(z0, torch.pi / 2))


def _norms(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    s = _column(t, z0)
    length = (1 - s) * z0.norm(dim=-1, keepdim=True) + s * z1.norm(dim=-1, keepdim=True)
    return length * _unit(slerp(_unit(z0), _unit(z1), t))


def _padded(e: float) -> Callable[..., Tensor]:
    return lambda z0, z1, t: _no_sine(z0, z1, t) / (_angle(z0, z1).sin() + e)


def _any_parallel(z0: Tensor, z1: Tensor, t: float | Tensor) -> Tensor:
    angle = _angle(z0, z1)
    return _linear(z0, z1, t) if (angle < 1e-3).any() else _formula(z0, z1, t, angle)


ZERO_ANGLE = (
    "That is sin 0 / sin 0 where the vectors are parallel. The limit is the straight line: choose it with torch.where "
    "where sin Ω is tiny."
)
MISTAKES = [
    Mistake(
        _linear,
        "That is the straight line (1 − t) z0 + t z1: it cuts through the middle of the sphere, where a Gaussian in "
        "many dimensions has hardly any samples.",
    ),
    Mistake(lambda a, b, t: slerp(b, a, t), "That runs backwards: t = 0 is z0 and t = 1 is z1."),
    Mistake(
        lambda a, b, t: slerp(_unit(a), _unit(b), t),
        "That has lost the lengths: normalise for the angle only, and combine z0 and z1 themselves.",
    ),
    Mistake(
        lambda a, b, t: _formula(_unit(a), _unit(b), t, _angle(a, b)),
        "That has lost the lengths (normalise for the angle only), and divides by sin 0 besides.",
    ),
    Mistake(
        lambda a, b, t: _unit(_linear(a, b, t)),
        "That is the straight line pulled out to the unit sphere: the lengths are lost, and the speed isn't even.",
    ),
    Mistake(
        lambda a, b, t: _formula(a, b, t, _angle(a, b)),
        ZERO_ANGLE,
    ),
    Mistake(
        lambda a, b, t: _formula(a, b, t, _angle(a, b)).nan_to_num(0.0),
        "That replaces 0/0 by 0; between two identical vectors lies the vector itself.",
    ),
    *[
        Mistake(
            lambda a, b, t, formula=formula: formula(a, b, t, _whole_angle(a, b)),
            "That measures one angle over the whole batch; every sample has its own: sum over the last axis, "
            "keepdim=True.",
        )
        for formula in (_formula, _safe)
    ],
    Mistake(
        lambda a, b, t: _formula(a, b, t, _raw_angle(a, b)),
        "That is the arc cosine of z0·z1 without dividing by the lengths: normalise both vectors first.",
    ),
    *[
        Mistake(
            lambda a, b, t, formula=formula: formula(a, b, t, _raw_clamped(a, b)),
            "That clamps z0·z1 instead of dividing it by the lengths: normalise both vectors first.",
        )
        for formula in (_formula, _safe)
    ],
    *[
        Mistake(
            lambda a, b, t, large=large: torch.where(
                _cosine(a, b).abs() > large, _formula(a, b, t, _cosine(a, b)), _linear(a, b, t)
            ),
            "That takes the cosine for the angle: Ω is its arc cosine (acos).",
        )
        for large in (0.0, 1e-3)
    ],
    Mistake(_no_sine, "That lacks the division by sin Ω: at t = 0 it should give back z0."),
    Mistake(_circle, "That takes every angle for 90°: the sines need the angle Ω between the two vectors."),
    Mistake(
        _norms,
        "That turns the direction and interpolates the length by itself: a fair path, but White's formula combines z0 "
        "and z1 with the two sines.",
    ),
    Mistake(
        _any_parallel,
        "That falls back to the straight line for the whole batch as soon as one pair is parallel; decide for each "
        "sample (torch.where).",
    ),
    *[
        Mistake(_padded(e), f"That adds ε = {e:g} to sin Ω: identical vectors give 0 instead of themselves.")
        for e in (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10, 1e-12)
    ],
]


SLERP = Exercise(
    "ex-09-slerp",
    "slerp(z0, z1, t)",
    points=2,
    steps=[
        Values(_cases, slerp, MISTAKES),
        Values(_swept, slerp, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="One t and a t per sample, different lengths, both ends, parallel and nearly parallel vectors.",
)
