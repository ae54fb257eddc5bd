"""A Gaussian mixture with noise added: density, score and best denoiser at every noise level, in closed form.

Noisy data are x = α x₀ + σ ε with standard normal ε; α and σ are passed as numbers, so that any process fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from torch import Tensor


class Components(Protocol):
    """A mixture of isotropic Gaussians of one width, such as those of `data`."""

    means: Tensor
    std: float
    weights: Tensor


class Expectations(NamedTuple):
    """What is known of data and noise from a noisy x.

    Args:
        x0: E[x₀ | x], [batch, dimensions].
        noise: E[ε | x], of the same shape; α E[x₀ | x] + σ E[ε | x] = x.
    """

    x0: Tensor
    noise: Tensor


@dataclass(frozen=True, eq=False)
class NoisyMixture:
    """Noisy samples of a mixture of isotropic Gaussians of one standard deviation.

    At x = α x₀ + σ ε, component k is normal with mean α μ_k and variance α² s² + σ². Everything is computed in double
    precision and returned in that of x. Levels α and σ are [] for the whole batch or [batch].

    Args:
        means: centres μ of the data's components, [modes, dimensions].
        std: standard deviation s of each along each axis; 0 for points.
        weights: probability of each, [modes].

    Raises:
        ValueError: shapes disagree, the standard deviation is negative, or weights aren't probabilities.

    >>> import torch
    >>> two = NoisyMixture(torch.tensor([[-1.0], [1.0]]), 0.1, torch.tensor([0.5, 0.5]))
    >>> two.expectations(torch.tensor([[0.0]]), torch.tensor(0.6), torch.tensor(0.8)).x0
    tensor([[0.]])
    """

    means: Tensor
    std: float
    weights: Tensor

    def __post_init__(self) -> None:
        if self.means.ndim != 2 or not len(self.means) or self.weights.shape != self.means.shape[:1]:
            raise ValueError(
                f"means {tuple(self.means.shape)} and weights {tuple(self.weights.shape)}; expected "
                "[modes, dimensions] and [modes]"
            )
        if not 0 <= self.std < math.inf:
            raise ValueError(f"std is {self.std}; pass a finite number ≥ 0")
        if not (self.weights >= 0).all() or abs(self.weights.double().sum().item() - 1) > 1e-5:
            raise ValueError(f"weights are {self.weights.tolist()}; expected probabilities that sum to 1")

    @classmethod
    def of(cls, mixture: Components) -> NoisyMixture:
        """Of a mixture with `means`, `std` and `weights`."""
        return cls(mixture.means, mixture.std, mixture.weights)

    def standardised(self) -> NoisyMixture:
        """The same mixture, shifted to mean 0 and scaled so that its coordinates have variance 1 on average.

        Variance-preserving processes assume such data.

        >>> import torch
        >>> two = NoisyMixture(torch.tensor([[-2.0], [4.0]]), 4.0, torch.tensor([0.5, 0.5])).standardised()
        >>> two.means[:, 0], two.std
        (tensor([-0.6000,  0.6000]), 0.8)
        """
        means, weights = self.means.double(), self.weights.double()
        centred = means - weights @ means
        scale = math.sqrt(self.std**2 + (weights @ centred.square()).mean().item())
        return NoisyMixture((centred / scale).to(self.means.dtype), self.std / scale, self.weights)

    def components(self, indices: Sequence[int]) -> NoisyMixture:
        """Some of the components alone: the data of a class, whose denoiser is the conditional one.

        Raises:
            ValueError: there is no such component, or they have no weight.
        """
        if not indices or any(index not in range(len(self.means)) for index in indices):
            raise ValueError(f"components {list(indices)}; pass some of 0 … {len(self.means) - 1}")
        weights = self.weights[list(indices)]
        if weights.sum() <= 0:
            raise ValueError(f"components {list(indices)} have weight 0; pass some that the mixture draws")
        return NoisyMixture(self.means[list(indices)], self.std, weights / weights.sum())

    def _columns(self, x: Tensor, signal: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """x, α, σ and the components' variance α² s² + σ², in double precision, for [batch, …]."""
        if x.ndim != 2 or x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, {self.means.shape[1]}]")
        a, s = (level.to(x.device).double().reshape(-1, 1) for level in (signal, noise))
        if len(a) not in (1, len(x)) or len(s) not in (1, len(x)):
            raise ValueError(f"{len(a)} signals and {len(s)} noises for {len(x)} samples; pass one, or one a sample")
        variance = (a * self.std).square() + s.square()
        if not (variance > 0).all():
            raise ValueError(
                "points without noise have no density; pass a noise above 0, or a mixture with std above 0"
            )
        return x.double(), a, s, variance

    def _joint(self, x: Tensor, a: Tensor, variance: Tensor) -> Tensor:
        """Log of weight times density of each component, but for a term that all have, [batch, modes].

        The term is that of |x|². Double precision makes up for the digits that expanding the square costs.
        """
        means = self.means.to(x)
        return self.weights.to(x).log() + (a * (x @ means.mT) - a.square() * means.square().sum(1) / 2) / variance

    def log_density(self, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """Log density of noisy data in nats at x [batch, dimensions], [batch].

        Args:
            x: points.
            signal: α, [] or [batch].
            noise: σ, [] or [batch].

        Raises:
            ValueError: a shape is wrong, or points without noise have no density.
        """
        wide, a, _, variance = self._columns(x, signal, noise)
        common = wide.square().sum(1, keepdim=True) / variance + x.shape[1] * (2 * math.pi * variance).log()
        return (self._joint(wide, a, variance).logsumexp(1) - common[:, 0] / 2).to(x.dtype)

    def posterior(self, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """Probability of each component at noisy x [batch, dimensions], [batch, modes]."""
        wide, a, _, variance = self._columns(x, signal, noise)
        return self._joint(wide, a, variance).softmax(1).to(x.dtype)

    def _centre(self, x: Tensor, a: Tensor, variance: Tensor) -> Tensor:
        """Centres of the components, averaged by their probability at x, [batch, dimensions]."""
        return self._joint(x, a, variance).softmax(1) @ self.means.to(x)

    def expectations(self, x: Tensor, signal: Tensor, noise: Tensor) -> Expectations:
        """The best estimates of data and noise in squared error, at noisy x [batch, dimensions].

        Neither is computed from the other, so that both are exact at α = 0 and at σ = 0.

        Args:
            x: points.
            signal: α, [] or [batch].
            noise: σ, [] or [batch].

        Raises:
            ValueError: as for `log_density`.
        """
        wide, a, s, variance = self._columns(x, signal, noise)
        centre = self._centre(wide, a, variance)
        offset = (wide - a * centre) / variance
        return Expectations((centre + a * self.std**2 * offset).to(x.dtype), (s * offset).to(x.dtype))

    def score(self, x: Tensor, signal: Tensor, noise: Tensor) -> Tensor:
        """Score ∇ₓ log p(x) of noisy data at x [batch, dimensions], of the same shape: −E[ε | x]/σ (Tweedie's formula).

        Raises:
            ValueError: as for `log_density`.
        """
        wide, a, _, variance = self._columns(x, signal, noise)
        return ((a * self._centre(wide, a, variance) - wide) / variance).to(x.dtype)
