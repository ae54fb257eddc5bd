"""Gaussian mixtures whose density, score and modes are known exactly."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gancourse.batch import Batch
from gancourse.rng import Noise
from gancourse.signature import Classes, Signature


class Mixture:
    """Mixture of isotropic Gaussians of one common standard deviation.

    Calling it draws a batch, labelled with the component of each sample.

    Args:
        means: centre of each component, [modes, dimensions].
        std: standard deviation along each axis, positive.
        weights: probability of each component, [modes]; equal if left out.

    Raises:
        ValueError: the shapes, the standard deviation or the weights don't define a distribution.

    >>> eight = ring()
    >>> eight(Noise((0,), n=5)).x.shape
    torch.Size([5, 2])
    """

    def __init__(self, means: Tensor, std: float, weights: Tensor | None = None) -> None:
        if means.ndim != 2 or not len(means) or not means.is_floating_point():
            raise ValueError(f"means is {means.dtype} {tuple(means.shape)}; expected floats [modes, dimensions]")
        if not 0 < std < math.inf:
            raise ValueError(f"std is {std}; pass a positive, finite standard deviation")
        equal = torch.full((len(means),), 1 / len(means), dtype=means.dtype)
        self.weights = equal if weights is None else weights.to(means.dtype)
        if self.weights.shape != (len(means),) or not (self.weights >= 0).all():
            raise ValueError(f"weights are {weights}; pass {len(means)} numbers ≥ 0, one per mode")
        if abs(self.weights.sum().item() - 1) > 1e-5:
            raise ValueError(f"weights sum to {self.weights.sum().item():.4g}; expected 1: divide by the sum")
        self.means, self.std = means, float(std)

    def __call__(self, noise: Noise) -> Batch:
        """Samples [n, dimensions] and the component of each, [n]."""
        cumulative = self.weights.cumsum(0).to(noise.device)
        # right=True: a number equal to a bound belongs to the next component, so weight 0 is never drawn.
        component = torch.searchsorted(cumulative, noise.uniform("component"), right=True)
        component = component.clamp(max=len(self.means) - 1)
        means = self.means.to(noise.device)
        x = means[component] + self.std * noise.normal("x", means.shape[1])
        return Batch(x.to(means.dtype), component)

    @property
    def signature(self) -> Signature:
        """Dimensions of a sample, and the components as classes."""
        n_modes, dimensions = self.means.shape
        return Signature((dimensions,), Classes(tuple(map(str, range(n_modes)))))

    @property
    def n_samples(self) -> None:
        """None: samples are unlimited."""
        return

    def to(self, device: torch.device) -> Mixture:
        """The same mixture: samples are on the noise's device."""
        return self

    def report(self) -> str:
        """An empty line: no data is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """Always the same n samples.

        Raises:
            ValueError: n is below one.
        """
        return self(Noise(("mixture",), n))

    def _floats(self, x: Tensor) -> Tensor:
        """Points as floats: integers would round the means."""
        return x if x.is_floating_point() else x.to(self.means.dtype)

    def _log_joint(self, x: Tensor) -> Tensor:
        """Log of weight times component density at x [batch, dimensions], [batch, modes]."""
        if x.ndim != 2 or x.shape[1] != self.means.shape[1]:
            raise ValueError(f"x has shape {tuple(x.shape)}; expected [batch, {self.means.shape[1]}]")
        x = self._floats(x)
        means, weights = self.means.to(x), self.weights.to(x)
        squared = (x[:, None] - means).square().sum(-1) / self.std**2
        return weights.log() - squared / 2 - x.shape[1] * math.log(self.std * math.sqrt(2 * math.pi))

    def log_density(self, x: Tensor) -> Tensor:
        """Exact log density in nats at x [batch, dimensions], [batch]."""
        return self._log_joint(x).logsumexp(1)

    def posterior(self, x: Tensor) -> Tensor:
        """Exact probability of each component at x [batch, dimensions], [batch, modes]: Bayes' rule.

        >>> two_classes().posterior(torch.tensor([[0.0, 5.0]]))
        tensor([[0.5000, 0.5000]])
        """
        return self._log_joint(x).softmax(1)

    def component_log_density(self, x: Tensor, component: int) -> Tensor:
        """Exact log density in nats of one component alone at x [batch, dimensions], [batch].

        Raises:
            ValueError: there is no such component, or x has another shape.
        """
        if component not in range(len(self.means)):
            raise ValueError(f"component {component} is not one of 0 … {len(self.means) - 1}")
        return Mixture(self.means[component : component + 1], self.std).log_density(x)

    def density(self, x: Tensor) -> Tensor:
        """Exact density at x [batch, dimensions], [batch]."""
        return self.log_density(x).exp()

    def score(self, x: Tensor) -> Tensor:
        """Exact score ∇ₓ log p(x) at x [batch, dimensions], of the same shape."""
        posterior, x = self.posterior(x), self._floats(x)
        return (posterior @ self.means.to(x) - x) / self.std**2


def ring(n_modes: int = 8, radius: float = 2.0, std: float = 0.02) -> Mixture:
    """Equal Gaussians on a circle; the defaults are those of Metz et al. 2017 (Unrolled GAN), appendix A.

    >>> ring(4, radius=1.0).means[0]
    tensor([1., 0.])
    """
    angle = torch.arange(n_modes) * (2 * math.pi / n_modes)
    return Mixture(radius * torch.stack([angle.cos(), angle.sin()], 1), std)


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05) -> Mixture:
    """Equal Gaussians on a centred square grid; the defaults are those of Lin et al. 2018 (PacGAN), section 4.1.

    >>> len(grid().means)
    25
    """
    line = (torch.arange(side) - (side - 1) / 2) * spacing
    return Mixture(torch.cartesian_prod(line, line), std)


def two_classes(distance: float = 2.0, std: float = 1.0) -> Mixture:
    """Two equal Gaussians in the plane that overlap, at (±distance/2, 0): classes that nothing can tell apart exactly.

    With the defaults, the best classifier is right with probability Φ(1) = 0.841: generated samples that it assigns to
    their class more often than that aren't distributed like the data.

    >>> two_classes().means
    tensor([[-1.,  0.],
            [ 1.,  0.]])
    """
    return Mixture(torch.tensor([[-distance / 2, 0.0], [distance / 2, 0.0]]), std)
