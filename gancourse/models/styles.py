"""What all StyleGANs' generators share: the mapping of latents to styles, style mixing, truncation, and random rows.

A style-based generator maps latents z to w, one w for each layer, and these to an image. All that is random about a
sample is one row of numbers: z, the noise of the layers, and a second latent with its crossover for style mixing. So a
row makes the same sample in any batch, and nothing is drawn inside a network.

Source: Karras, Laine, Aila 2019 (StyleGAN), sections 2 and 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.models.blocks import check_shape
from gancourse.models.equal_rates import PixelNorm, equalised_with_gain
from gancourse.rng import Noise

LEAK, DECAY = 0.2, 0.995


class Mapping(nn.Module):
    """Maps latents z [batch, latent_size] to styles w, of as many numbers; only z is normalised, no layer after it.

    Args:
        latent_size: numbers of z and of w.
        depth: fully connected layers; with none, w is the normalised z.
        multiplier: of the learning rate.

    Source: Karras, Laine, Aila 2019, section 2 and appendix C: 8 layers, learning rate lower by two orders.

    >>> Mapping(4, depth=2)(torch.randn(3, 4)).shape
    torch.Size([3, 4])
    """

    def __init__(self, latent_size: int, depth: int = 8, multiplier: float = 0.01) -> None:
        super().__init__()
        layers: list[nn.Module] = [PixelNorm()]
        for _ in range(depth):
            linear = equalised_with_gain(nn.Linear(latent_size, latent_size), multiplier=multiplier)
            layers += [linear, nn.LeakyReLU(LEAK)]
        self.latent_size = latent_size
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Styles [batch, latent_size]."""
        check_shape(z, (self.latent_size,), "z")
        return self.layers(z)


def affine(style_size: int, n_channels: int, bias: float = 1.0) -> nn.Linear:
    """The learned map A of a style to a layer's channels: equalised, its bias is one at first."""
    linear = equalised_with_gain(nn.Linear(style_size, n_channels), gain=1.0)
    nn.init.constant_(linear.bias, bias)
    return linear


def at_least_single(x: Tensor) -> Tensor:
    """The numbers in single precision, or in double if they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


class Row(NamedTuple):
    """Everything random about a sample, a row each.

    Args:
        z: latents, [batch, latent_size].
        noise: of all layers one after the other, [batch, n_noise]; None for none.
        second: other latents, [batch, latent_size]; None where there is no mixing.
        position: of the crossover, uniform in [0, 1), [batch]; None where there is no mixing.
    """

    z: Tensor
    noise: Tensor | None = None
    second: Tensor | None = None
    position: Tensor | None = None


class StyleGenerator(nn.Module):
    """Base of the generators: rows of random numbers to styles; a subclass makes images of these by `synthesis`.

    Called with z alone, it makes images without noise and without mixing.

    Args:
        mapping: latents to styles.
        n_layers: how many w a sample has.
        noise_sizes: height and width of each layer's noise.
        mixing: share of the samples that have styles of two latents in training mode, the second's from a layer on that
            is drawn for each sample alone. 0 for none.

    Raises:
        ValueError: `mixing` is no share.
    """

    mean_w: Tensor

    def __init__(self, mapping: Mapping, n_layers: int, noise_sizes: Sequence[int] = (), mixing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= mixing <= 1:
            raise ValueError(f"mixing is {mixing}; pass the share of samples with styles of two latents, 0 to 1")
        self.mapping, self.latent_size, self.n_layers = mapping, mapping.latent_size, n_layers
        self.noise_sizes, self.mixing = tuple(noise_sizes), mixing
        self.register_buffer("mean_w", torch.zeros(mapping.latent_size))

    @property
    def n_noise(self) -> int:
        """Numbers of noise in a sample, those of all layers."""
        return sum(size * size for size in self.noise_sizes)

    def latents(self, noise: Noise) -> Tensor:
        """Rows of random numbers, [n, latent_size + n_noise + latent_size + 1]; their first part is z."""
        n = self.latent_size
        parts = [noise.normal("z", n), noise.normal("second z", n), noise.uniform("crossover", 1)]
        return torch.cat([parts[0], noise.normal("layers' noise", self.n_noise), *parts[1:]], 1)

    def row(self, z: Tensor) -> Row:
        """The parts of the rows of `latents`, or z alone.

        Raises:
            ValueError: the rows have another length.
        """
        n, whole = self.latent_size, 2 * self.latent_size + self.n_noise + 1
        if z.ndim == 2 and z.shape[1] == n:
            return Row(z)
        if z.ndim != 2 or z.shape[1] != whole:
            raise ValueError(f"z has shape {tuple(z.shape)}; expected latents [batch, {n}] or rows [batch, {whole}]")
        z, noise, second, position = z.split([n, self.n_noise, n, 1], 1)
        return Row(z, noise, second, position[:, 0])

    def styles(self, z: Tensor) -> Tensor:
        """One w for each layer, [batch, n_layers, latent_size]: of z alone, or of rows, mixed in training mode."""
        row = self.row(z)
        if not (self.training and self.mixing and row.second is not None):
            return self.repeated(self.mapping(row.z))
        first, second = self.mapping(torch.cat([row.z, row.second])).chunk(2)
        return self.mixed(self.repeated(first), self.repeated(second), self._crossovers(row.position))

    def _crossovers(self, position: Tensor) -> Tensor:
        """From which layer on the second latent's styles are used: uniform in 1 … n_layers − 1, or n_layers for none.

        The same number that decides whether a sample is mixed gives the place, as below `mixing` it is uniform too.
        """
        place = 1 + (position / self.mixing * (self.n_layers - 1)).long()
        return torch.where(position < self.mixing, place, self.n_layers).clamp_(max=self.n_layers)

    def repeated(self, w: Tensor) -> Tensor:
        """The same w [batch, latent_size] for each layer."""
        return w[:, None].expand(-1, self.n_layers, -1)

    def mixed(self, w: Tensor, second: Tensor, crossover: Tensor | int) -> Tensor:
        """Styles of two latents: those of the first up to a layer, those of the second from it on.

        Args:
            w: [batch, n_layers, latent_size].
            second: of the same shape.
            crossover: the first layer with the second's styles, one number or [batch]; n_layers for none.

        Raises:
            ValueError: the crossover lies beyond the layers.

        Source: Karras, Laine, Aila 2019, section 3.1.
        """
        if isinstance(crossover, int) and not 0 <= crossover <= self.n_layers:
            raise ValueError(
                f"the crossover is at layer {crossover}, but there are {self.n_layers}; pass 0 to {self.n_layers}"
            )
        cut = torch.as_tensor(crossover, device=w.device).view(-1, 1)
        is_first = torch.arange(self.n_layers, device=w.device) < cut
        return torch.where(is_first[..., None], w, second)

    def truncated(self, w: Tensor, psi: float, n_layers: int | None = None) -> Tensor:
        """Styles moved towards their mean: w̄ + ψ (w − w̄).

        Args:
            w: [batch, n_layers, latent_size].
            psi: 1 changes nothing; less gives more usual samples and less variety.
            n_layers: the first ones alone are truncated; all if left out.

        Raises:
            ValueError: ψ isn't positive, or there aren't as many layers.

        Source: Karras, Laine, Aila 2019, appendix B.
        """
        n_layers = self.n_layers if n_layers is None else n_layers
        if not 0 < psi < math.inf:
            raise ValueError(f"psi is {psi}; expected a finite number > 0, and `mean_w` for the mean itself")
        if not 0 <= n_layers <= self.n_layers:
            raise ValueError(
                f"{n_layers} layers are to be truncated, but there are {self.n_layers}; pass at most these"
            )
        factors = torch.where(torch.arange(self.n_layers, device=w.device) < n_layers, psi, 1.0)
        return self.mean_w + factors[:, None] * (w - self.mean_w)

    def maps(self, noise: Tensor | None) -> list[Tensor | None]:
        """Each layer's noise, [batch, 1, size, size], of the numbers of all; None for each without noise.

        Raises:
            ValueError: there are more or less numbers.
        """
        if noise is None:
            return [None] * len(self.noise_sizes)
        check_shape(noise, (self.n_noise,), "noise")
        parts = noise.split([size * size for size in self.noise_sizes], 1)
        return [part.view(-1, 1, size, size) for part, size in zip(parts, self.noise_sizes, strict=True)]

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of styles [batch, n_layers, latent_size] and of all layers' noise [batch, n_noise]; None for none."""
        raise NotImplementedError

    def in_two(self, z: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
        """The styles of latents or rows, and the function from styles to images with the rows' noise."""
        noise = self.row(z).noise
        return self.styles(z), lambda w: self.synthesis(w, noise)

    def forward(self, z: Tensor) -> Tensor:
        """Images of latents [batch, latent_size], or of rows as `latents` draws them."""
        w, synthesis = self.in_two(z)
        if self.training:
            with torch.no_grad():  # the first layer has the styles of z alone
                mean = processes.mean(at_least_single(w[:, 0]).mean(0))
                self.mean_w.lerp_(mean.to(self.mean_w), 1 - DECAY)
        return synthesis(w)
