"""The Dirac-GAN: a game of two numbers, on which training methods can be compared by hand.

The data are all 0, the generator puts all its mass on θ, and the discriminator's score is ψ x. Every field is computed
from formulas, without losses or networks; a test compares the fields with those of the package's games.
A point is (θ, ψ); the one equilibrium is (0, 0).

Source: Mescheder, Geiger, Nowozin 2018. Step size, start, number of steps and the methods' weights are those of the
authors' published notebook, in which the discriminator's score is high for *generated* points; here, as everywhere in
this course, it is high for real ones. So our ψ is minus theirs, and their start (1, 1) is our (1, −1).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gancourse.names import lookup
from gancourse.theory.fields import Field, Operator, alternating, simultaneous

START = (1.0, -1.0)
STEP_SIZE = 0.2
N_STEPS = 500
PLAYERS = {"generator": 1, "discriminator": 1}
Directions = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Maps (θ, ψ) to the two parts of the field: the direction of each player's update."""


@dataclass(frozen=True)
class Dirac:
    """A training method on the Dirac-GAN.

    Args:
        name: of the method.
        field: v(θ, ψ), float64; the generator's part first.
        eigenvalues: of the field's Jacobian at the equilibrium, in closed form, sorted by real and imaginary part;
            None if the field isn't differentiable there.
    """

    name: str
    field: Field
    eigenvalues: tuple[complex, complex] | None


def _method(
    name: str,
    directions: Directions,
    centre: float | None,
    root: complex,
    project: Callable[[Tensor], Tensor] | None = None,
) -> Dirac:
    """A method with eigenvalues centre ± √root; None if centre is None."""

    def function(point: Tensor) -> Tensor:
        return torch.stack(directions(point[0], point[1]))

    half = cmath.sqrt(root)
    pair = None if centre is None else sorted((centre - half, centre + half), key=lambda z: (z.real, z.imag))
    return Dirac(name, Field(function, PLAYERS, project), pair and (pair[0], pair[1]))


def _sigmoid(score: Tensor) -> Tensor:
    """σ(s), the probability of being real, and the derivative of log(1 + eˢ); ½ at 0."""
    return torch.sigmoid(score)


def gan() -> Dirac:
    """Zero-sum game of Goodfellow et al. 2014: the discriminator descends log(1 + exp(ψθ)), the generator ascends it.

    >>> gan().eigenvalues
    (-0.5j, 0.5j)
    """
    return _method("GAN", _zero_sum, 0.0, -0.25)


def _zero_sum(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
    derivative = _sigmoid(psi * theta)
    return psi * derivative, -theta * derivative


def nsgan() -> Dirac:
    """Non-saturating game: the generator descends log(1 + exp(−ψθ)) instead."""
    return _method("NSGAN", lambda t, p: (p * _sigmoid(-p * t), -t * _sigmoid(p * t)), 0.0, -0.25)


def _bounded(clip: float) -> Callable[[Tensor], Tensor]:
    bound = torch.tensor([math.inf, clip], dtype=torch.float64)
    return lambda point: torch.maximum(torch.minimum(point, bound), -bound)


def wgan(clip: float | None = 1.0) -> Dirac:
    """Wasserstein GAN: the scores themselves are the losses, and ψ is clipped to [−clip, clip] after each update."""
    return _method("WGAN", lambda t, p: (p, -t), 0.0, -1.0, None if clip is None else _bounded(clip))


def wgan_gp(gamma: float = 0.7, target: float = 1.0) -> Dirac:
    """Wasserstein GAN with the penalty ½γ(|ψ| − g₀)²: not differentiable at ψ = 0, where its equilibrium lies."""
    return _method("WGAN-GP", lambda t, p: (p, -t - gamma * (p.abs() - target) * p.sign()), None, 0.0)


def normal_rule(n: int = 64) -> tuple[Tensor, Tensor]:
    """Gauss–Hermite nodes and weights of the standard normal distribution, [n] each, by Golub and Welsch's matrix.

    The weighted sum of a polynomial of degree up to 2n − 1 at the nodes is its mean.

    >>> nodes, weights = normal_rule(8)
    >>> round((weights * nodes**4).sum().item(), 12)
    3.0
    """
    off = torch.arange(1, n, dtype=torch.float64).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    return nodes, vectors[0].square()


def instance_noise(std: float = 0.7, n: int = 64) -> Dirac:
    """Normal noise on the discriminator's input, real and generated; its mean by Gauss–Hermite quadrature."""
    nodes, weights = normal_rule(n)

    def directions(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        real, fake = std * nodes, theta + std * nodes
        p_fake, q_real = _sigmoid(psi * fake), _sigmoid(-psi * real)  # D(fake) and 1 − D(real)
        return psi * (weights * p_fake).sum(), (weights * (real * q_real - fake * p_fake)).sum()

    return _method("instance noise", directions, -(std**2) / 4, std**4 / 16 - 0.25)


def r1(gamma: float = 0.3) -> Dirac:
    """Zero-centred penalty ½γψ² at the data: eigenvalues −γ/2 ± √(γ²/4 − ¼), equal at the critical γ = 1.

    >>> r1(1.0).eigenvalues
    ((-0.5+0j), (-0.5+0j))
    """
    return _penalised("R1", gamma)


def r2(gamma: float = 0.3) -> Dirac:
    """Zero-centred penalty ½γψ² at the generated point: a linear discriminator has the same gradient everywhere."""
    return _penalised("R2", gamma)


def _penalised(name: str, gamma: float) -> Dirac:
    def directions(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        to_generator, to_discriminator = _zero_sum(theta, psi)
        return to_generator, to_discriminator - gamma * psi

    return _method(name, directions, -gamma / 2, gamma**2 / 4 - 0.25)


def consensus(gamma: float = 1.0) -> Dirac:
    """Both players also descend γ · ½‖v‖², where v is the field of the zero-sum game.

    With s = σ(ψθ), ½‖v‖² = ½(θ² + ψ²)s², whose gradient is s²(θ, ψ) + (θ² + ψ²) s²(1 − s)(ψ, θ). The authors' notebook
    halves the second term; that changes nothing at the equilibrium.

    Source: Mescheder, Nowozin, Geiger 2017, section 4.
    """

    def directions(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        to_generator, to_discriminator = _zero_sum(theta, psi)
        s = _sigmoid(psi * theta)
        factor = (theta.square() + psi.square()) * (1 - s)
        scale = gamma * s.square()
        return to_generator - scale * (theta + factor * psi), to_discriminator - scale * (psi + factor * theta)

    return _method("consensus", directions, -gamma / 4, -0.25)


def unrolled(n_unrolled: int = 5, unrolled_step: float = 0.2) -> Dirac:
    """The generator ascends log(1 + exp(ψ_K θ)), where ψ_K is the discriminator after K more steps of its own.

    The derivative is computed by the chain rule: ψ_{j+1} = ψ_j − ηθ s_j with s_j = σ(ψ_j θ), so dψ_{j+1}/dθ = dψ_j/dθ −
    η s_j − ηθ s_j(1 − s_j)(ψ_j + θ dψ_j/dθ). The settings are this course's: the 2018 paper omits this method.

    Source: Metz et al. 2017, section 2.2, on the zero-sum game.
    """

    def directions(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        unrolled_psi, derivative = psi, torch.zeros_like(psi)
        for _ in range(n_unrolled):
            s = _sigmoid(unrolled_psi * theta)
            product = unrolled_psi + theta * derivative  # d(ψ_j θ)/dθ
            unrolled_psi = unrolled_psi - unrolled_step * theta * s
            derivative = derivative - unrolled_step * (s + theta * s * (1 - s) * product)
        direction = _sigmoid(unrolled_psi * theta) * (unrolled_psi + theta * derivative)
        return direction, _zero_sum(theta, psi)[1]

    rate = n_unrolled * unrolled_step / 4
    return _method("unrolled", directions, -rate, rate**2 - 0.25)


methods: dict[str, Callable[[], Dirac]] = {
    "GAN": gan,
    "NSGAN": nsgan,
    "WGAN": wgan,
    "WGAN-GP": wgan_gp,
    "instance noise": instance_noise,
    "R1": r1,
    "R2": r2,
    "consensus": consensus,
    "unrolled": unrolled,
}
"""The nine methods by name, each with its published setting."""

steppings: dict[str, Mapping[str, int] | None] = {
    "simultaneous": None,
    "alternating": {"discriminator": 1, "generator": 1},
    "5:1": {"discriminator": 5, "generator": 1},
}
"""The orders of updates, by name: number of updates of each player, in order; None for simultaneous updates."""


def method(name: str) -> Dirac:
    """Method of that name, with its published setting.

    Raises:
        ValueError: there is no such method; the message suggests the nearest.

    >>> method("R1").eigenvalues[0].real
    -0.15
    """
    return lookup(methods, name, "method")()


def step(field: Field, stepping: str = "simultaneous", step_size: float = STEP_SIZE) -> Operator:
    """One step of a method, with the order of updates of that name in `steppings`.

    Raises:
        ValueError: there is no such stepping.
    """
    updates = lookup(steppings, stepping, "stepping")
    return simultaneous(field, step_size) if updates is None else alternating(field, step_size, updates)


def start() -> Tensor:
    """The published start, float64: (θ, ψ) = (1, −1), that is (1, 1) with the authors' sign of ψ."""
    return torch.tensor(START, dtype=torch.float64)


def distances(points: Tensor) -> Tensor:
    """Distance of each point [n, 2] from the equilibrium, [n]."""
    return points.norm(dim=1)


CONVERGED = 1e-10


def verdict(points: Tensor) -> str:
    """Classify a trajectory as diverging, converging, stalling or cycling.

    Let P₁, P₂, P₃ be the largest distances from the equilibrium in steps n/8 … n/4, n/4 … n/2 and n/2 … n: each window
    is twice as long as the one before, and longer than one rotation around the equilibrium.

    - *diverges*: a distance isn't finite, or P₃ > 1.05 P₁;
    - *converges linearly*: P₃ < 10⁻¹⁰, or P₃ < 0.9 P₂ and log(P₂/P₃) > 1.5 log(P₁/P₂). For a geometric sequence
      this logarithm doubles from window to window; for a power of the step number it is constant;
    - *converges sublinearly*: P₃ < 0.9 P₂ otherwise;
    - *stalls*: neither, and the points of the last window differ by less than 1 % of their mean distance;
    - *cycles*: otherwise.

    Args:
        points: [n + 1, 2], from a start that is not the equilibrium; a thousand steps or more.

    Raises:
        ValueError: there are fewer than 1000 steps, or the start is the equilibrium.

    >>> turns = torch.arange(2001.0) / 10
    >>> circle = torch.stack([turns.cos(), turns.sin()], 1)
    >>> verdict(circle), verdict(circle * 0.99 ** turns[:, None])
    ('cycles', 'converges linearly')
    """
    if len(points) < 1001:
        raise ValueError(f"the trajectory has {len(points) - 1} steps; a verdict needs at least 1000")
    far = distances(points)
    if far[0] == 0:
        raise ValueError("the trajectory starts at the equilibrium, where no method moves; start elsewhere")
    if not far.isfinite().all():
        return "diverges"
    n = len(points) - 1
    first, second, last = (far[n // k : 2 * n // k + 1].max().item() for k in (8, 4, 2))
    if last < CONVERGED:
        return "converges linearly"
    if last > 1.05 * first:
        return "diverges"
    if last < 0.9 * second:
        linear = math.log(second / last) > 1.5 * math.log(first / second)
        return "converges linearly" if linear else "converges sublinearly"
    tail = points[n // 2 :]
    is_still = (tail.max(0).values - tail.min(0).values).max() < 0.01 * distances(tail).mean()
    return "stalls" if is_still else "cycles"
