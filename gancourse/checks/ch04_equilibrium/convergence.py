"""Checks of the field of the Dirac-GAN under R1, and the rate at which an error shrinks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def dirac_field(theta: Tensor, psi: Tensor, gamma: float) -> Tensor:
    """The right answer of ex-04-dirac-r1."""
    derivative = torch.sigmoid(psi * theta)  # of log(1 + exp(score))
    return torch.stack([psi * derivative, -theta * derivative - gamma * psi])


def _dirac_cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        for theta, psi, gamma in (
            (1.0, 0.0, 0.3),
            (1.0, -1.0, 0.3),
            (0.5, 2.0, 1.0),
            (-1.5, 0.75, 0.0),
            (2.0, 1.5, 2.5),
        ):
            args = {
                "theta": torch.tensor(theta, dtype=dtype),
                "psi": torch.tensor(psi, dtype=dtype),
                "gamma": gamma,
            }
            cases.append(Case(args, "one point"))
        line = torch.linspace(-2, 2, 4, dtype=dtype)
        cases.append(Case({"theta": line, "psi": line.flip(0) + 0.25, "gamma": 0.5}, "four points at once"))
        far = torch.tensor([40.0, -40.0], dtype=dtype)
        cases.append(Case({"theta": far, "psi": -far.abs(), "gamma": 0.5}, "scores of ±1600, which overflow an exp"))
    return cases


def _swept_points() -> list[Case]:
    """Points of every size with scores up to ±1600, grids of up to three axes, γ from 0 to 20."""
    cases = []
    for k in range(20):
        shape = sizes(k, 4, 5, 6)[: k % 4]
        psi, theta = (40 * 10 ** (-k % 3)) * drawn(k, 2, *shape).tanh()
        args = {"theta": theta.to(PRECISIONS[k % 2]), "psi": psi.to(PRECISIONS[k % 2]), "gamma": k % 5 * k / 4}
        cases.append(Case(args, f"tensors of shape {shape}"))
    return cases


def _r1_mistake(change: Callable[[Tensor, Tensor, float, Tensor], tuple[Tensor, Tensor]], message: str) -> Mistake:
    return Mistake(lambda t, p, g: torch.stack(change(t, p, g, torch.sigmoid(t * p))), message)


DIRAC_MISTAKES = [
    _r1_mistake(
        lambda t, p, g, s: (p * s, -t * s - 2 * g * p),
        "That has 2γψ: R1 is ½γ‖∇ₓD‖² = ½γψ², with the factor ½, so its derivative is γψ.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p * s, -t * s - g * p / 2),
        "That has ½γψ: the ½ in ½γψ² cancels against the 2 of the derivative.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p * s, -t * s - g * p.square() / 2),
        "That has the penalty itself, ½γψ², in the field; its derivative γψ belongs there.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p * s, -t * s + g * p),
        "That has the penalty's sign turned, +γψ: D would make itself steeper and steeper.",
    ),
    _r1_mistake(lambda t, p, g, s: (p * s, -t * s), "That is the game without the penalty: γ does nothing."),
    _r1_mistake(
        lambda t, p, g, s: (p * s - g * t, -t * s - g * p),
        "That penalises both players; R1 is a term of the discriminator's loss alone.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (-p * s, -t * s - g * p),
        "That flips the generator's sign: both players descend the discriminator's loss, and G makes its point easier "
        "to reject.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p * s, t * s - g * p),
        "That flips the discriminator's sign: it descends log(1 + exp(ψθ)), so v_ψ = −θσ(ψθ) − γψ.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (-p * s, t * s - g * p),
        "That is the field with both signs turned, as in the paper, whose D is high for generated points. In this "
        "course a high score means real.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (-p * s, t * s + g * p),
        "That is +∇: the gradients themselves. The field points where the players go, downhill: −∇.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p * (1 - s), -t * s - g * p),
        "That is the non-saturating generator, ψσ(−ψθ); this exercise asks for the zero-sum game.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (-t * s - g * p, p * s),
        "That has the two rows swapped: v_θ comes first, then v_ψ.",
    ),
    _r1_mistake(
        lambda t, p, g, s: (p, -t - g * p),
        "That is the Wasserstein critic's field: the factor σ(ψθ), the derivative of log(1 + eˢ), is missing.",
    ),
    Mistake(
        lambda t, p, g: torch.stack(
            [p * (t * p).exp() / (1 + (t * p).exp()), -t * (t * p).exp() / (1 + (t * p).exp()) - g * p]
        ),
        "That is a sigmoid from an exponential, which overflows for large scores: use torch.sigmoid.",
    ),
]


DIRAC_FIELD = Exercise(
    "ex-04-dirac-r1",
    "dirac_r1_field(theta, psi, gamma)",
    points=1,
    steps=[
        Values(_dirac_cases, dirac_field, DIRAC_MISTAKES),
        Values(_swept_points, dirac_field, hint=OF_EVERY_KIND),
        NoSideEffects(_dirac_cases, with_gradient=False),
    ],
    description="Single points and several at once, γ from 0 to 2.5, scores up to ±1600.",
)


def step_rate(jacobian: Tensor, step_size: float) -> Tensor:
    """The right answer of ex-04-rate."""
    eye = torch.eye(len(jacobian), dtype=jacobian.dtype)
    return torch.linalg.eigvals(eye + step_size * jacobian).abs().max()


def _rate_cases() -> list[Case]:
    matrices = [
        ([[0.0, -1.0], [1.0, 0.0]], 0.5, "the task's example: eigenvalues ±i"),
        ([[0.0, 0.5], [-0.5, 0.0]], 0.2, "the Dirac-GAN: eigenvalues ±i/2"),
        ([[0.0, 0.5], [-0.5, -0.3]], 0.2, "the Dirac-GAN with R1"),
        ([[0.0, 0.5], [-0.5, -2.5]], 0.2, "R1 beyond the critical weight: two real eigenvalues"),
        ([[-3.0, 1.0], [0.0, -0.5]], 0.9, "a step so large that an eigenvalue of I + hJ is negative"),
        ([[-1.0, 4.0, 0.0], [0.0, -1.0, 2.0], [0.5, 0.0, -2.0]], 0.1, "three weights, far from normal"),
    ]
    return [
        Case({"jacobian": torch.tensor(m, dtype=dtype), "step_size": h}, about)
        for dtype in PRECISIONS
        for m, h, about in matrices
    ]


def _swept_rates() -> list[Case]:
    """Matrices of one to twelve weights, small and large, with steps of several sizes."""
    cases = []
    for k in range(20):
        (n,) = sizes(k, 12)
        matrix = drawn(k, n, n) * 10 ** (k % 3 - 1) - torch.eye(n, dtype=torch.float64)
        args = {"jacobian": matrix.to(PRECISIONS[k % 2]), "step_size": (0.01, 0.1, 0.5, 2.0)[k % 4]}
        cases.append(Case(args, f"{n} weights"))
    return cases


def _eigenvalues(jacobian: Tensor) -> Tensor:
    return torch.linalg.eigvals(jacobian)


RATE_MISTAKES = [
    Mistake(
        lambda J, h: (1 + h * _eigenvalues(J)).real.max(),
        "That is the largest real part of the step's eigenvalues. A rotation doesn't show there: take the modulus |1 + "
        "hλ|.",
    ),
    Mistake(
        lambda J, h: (1 + h * _eigenvalues(J)).real.abs().max(),
        "That is |1 + h Re λ|: it drops the imaginary part, by which a simultaneous step spirals out.",
    ),
    Mistake(
        lambda J, h: _eigenvalues(J).abs().max(),
        "That is the spectral radius of J itself; the error is multiplied by I + hJ in each step.",
    ),
    Mistake(
        lambda J, h: (h * _eigenvalues(J)).abs().max(),
        "That is |hλ| without the 1: the step is θ + h v, so it multiplies by I + hJ.",
    ),
    Mistake(
        lambda J, h: (1 - h * _eigenvalues(J)).abs().max(),
        "That is |1 − hλ|: J belongs to the field v, which points downhill already, and the step adds h v.",
    ),
    Mistake(
        lambda J, h: (h * _eigenvalues(J)).exp().abs().max(),
        "That is |exp(hλ)|, the rate of the continuous flow: a step of finite size isn't the flow.",
    ),
    Mistake(
        lambda J, h: (1 + h * _eigenvalues(J)).abs().min(),
        "That is the smallest modulus, of what vanishes first; the slowest part decides.",
    ),
    Mistake(
        lambda J, h: torch.linalg.matrix_norm(torch.eye(len(J), dtype=J.dtype) + h * J, 2),
        "That is the largest singular value, what one step can do at most; over many steps the eigenvalues decide.",
    ),
    Mistake(
        lambda J, h: (torch.eye(len(J), dtype=J.dtype) + h * J).abs().sum(1).max(),
        "That is the largest row sum, a bound of the eigenvalues' moduli; take the eigenvalues themselves.",
    ),
    Mistake(
        lambda J, h: _eigenvalues(J).real.max(),
        "That is the largest real part of J's eigenvalues, which decides for the flow; for steps it is |1 + hλ|.",
    ),
    Mistake(
        lambda J, h: (1 + h * _eigenvalues(J)).abs(),
        "That is every modulus; return the largest, a single number.",
    ),
    Mistake(
        lambda J, h: (1 + h * torch.linalg.eigvalsh(J)).abs().max(),
        "That uses eigvalsh, which is for symmetric matrices and reads half of this one. Use eigvals.",
    ),
]


STEP_RATE = Exercise(
    "ex-04-rate",
    "step_rate(jacobian, step_size)",
    points=1,
    steps=[
        Values(_rate_cases, step_rate, RATE_MISTAKES),
        Values(_swept_rates, step_rate, hint=OF_EVERY_KIND),
        NoSideEffects(_rate_cases, with_gradient=False),
    ],
    description="Rotations, spirals, real eigenvalues, overshooting steps, in single and double precision.",
)
