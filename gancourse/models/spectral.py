"""Spectral normalisation by power iteration, and exact operator norms to compare it with."""

from __future__ import annotations

import math
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gancourse.evaluation_mode import evaluating

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d, nn.Embedding)
MOST_ENTRIES = 2**25  # entries of a matrix that is built and decomposed: 256 MiB in float64


def _unit(x: Tensor) -> Tensor:
    """A vector of length one in its direction; zero remains zero."""
    norm = x.norm()
    return x / norm.where(norm > 0, torch.ones_like(norm))


class SpectralNorm(nn.Module):
    """Maps a weight W to W/σ, where σ estimates the largest singular value of W as a matrix.

    The matrix has a row for each output channel. Each use in training mode improves u and v, which are buffers, by
    one power iteration: u ← Wv/‖Wv‖, v ← Wᵀu/‖Wᵀu‖, σ = uᵀWv. Because W changes little between updates, one is enough.
    In evaluation mode u and v do not change, but by `iterate`: `training.Average` calls it for its own weights.
    A weight of zeros, which has no direction, is returned as it is; v stays, so that the next weight is estimated.

    Args:
        weight: the weight to normalise; u and v are initialised from it.
        output_axis: which axis of the weight counts output channels.
        n_start: power iterations before the first use.

    Raises:
        ValueError: the weight has less than two axes.

    Source: Miyato et al. 2018, algorithm 1, which computes v first; in this order σ is ‖Wᵀu‖, as in torch's own.
    """

    def __init__(self, weight: Tensor, output_axis: int = 0, n_start: int = 15) -> None:
        super().__init__()
        if weight.ndim < 2:
            raise ValueError(f"weight has shape {tuple(weight.shape)}; spectral normalisation needs two axes or more")
        self.output_axis = output_axis
        with torch.no_grad():
            matrix = self.matrix(weight)
            self.register_buffer("v", _unit(torch.randn(matrix.shape[1]).to(matrix)))
            self.register_buffer("u", _unit(matrix @ self.v))
            for _ in range(n_start):
                self.iterate(matrix)

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight with one row for each output channel."""
        return weight.movedim(self.output_axis, 0).flatten(1)

    @torch.no_grad()
    def iterate(self, matrix: Tensor) -> None:
        """Improve u and v by one power iteration."""
        self.u.copy_(_unit(matrix @ self.v))
        v = _unit(matrix.T @ self.u)
        # From v = 0, which a weight of zeros would leave, no later weight could be estimated.
        self.v.copy_(v.where(v.any(), self.v))

    def forward(self, weight: Tensor) -> Tensor:
        """The normalised weight. Gradients flow through W in σ as well, but not through u and v."""
        # In bfloat16, u and v would be of length 1 ± 0.4 %. The meta device, which only counts, has no autocast.
        with nullcontext() if weight.is_meta else torch.autocast(weight.device.type, enabled=False):
            matrix = self.matrix(weight)
            if self.training:
                self.iterate(matrix)
            # Clones: the next use changes the buffers in place, and this one's backward pass needs the old values.
            norm = torch.dot(self.u.clone(), torch.mv(matrix, self.v.clone()))
            return weight / norm.where(norm != 0, torch.ones_like(norm))

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The stored value of an assigned weight: the weight itself, not yet normalised."""
        return weight


def is_normalised(layer: nn.Module) -> bool:
    """Whether a layer's weight is spectrally normalised."""
    return parametrize.is_parametrized(layer, "weight") and any(
        isinstance(p, SpectralNorm) for p in layer.parametrizations["weight"]
    )


def spectral_norm(layer: nn.Module) -> nn.Module:
    """The same layer, its weight divided by its largest singular value from now on.

    Args:
        layer: linear, convolutional, transposed convolutional or embedding; changed in place.

    Raises:
        ValueError: it is of another kind, or already normalised.

    >>> layer = nn.Linear(2, 2)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 1.0]]))
    >>> round(torch.linalg.matrix_norm(spectral_norm(layer).weight, 2).item(), 3)
    1.0
    """
    if not isinstance(layer, LAYERS):
        raise ValueError(
            f"{type(layer).__name__} has no weight to normalise; pass one of {[c.__name__ for c in LAYERS]}"
        )
    if is_normalised(layer):
        raise ValueError(f"this {type(layer).__name__} is normalised already; normalise each layer once")
    axis = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, axis))
    return layer


def spectral_normalised(network: nn.Module) -> nn.Module:
    """The same network with `spectral_norm` on every layer that supports it and isn't normalised already.

    Raises:
        ValueError: there is no such layer.
    """
    layers = [m for m in network.modules() if isinstance(m, LAYERS) and not is_normalised(m)]
    if not layers:
        raise ValueError(f"{type(network).__name__} has no layer left to normalise; pass a network with one")
    for layer in layers:
        spectral_norm(layer)
    return network


@torch.no_grad()
def operator_norm(layer: nn.Module, image: tuple[int, int] | None = None) -> float:
    """The exact Lipschitz constant of a linear or convolutional layer: its largest singular value as a map.

    For a convolution that is not the norm of its weight as a matrix, which `SpectralNorm` divides by: kernels overlap.
    Circular convolutions of stride one are diagonal in Fourier space; all others are built as a matrix.

    Args:
        layer: linear, Conv2d or ConvTranspose2d.
        image: height and width of its input; for convolutions.

    Raises:
        ValueError: the layer is of another kind, the image's size is missing, or the matrix would be too large.

    Source: Sedghi, Gupta, Long 2019, theorem 6, for circular convolutions.

    >>> layer = nn.Linear(2, 2)
    >>> _ = layer.weight.data.copy_(torch.tensor([[3.0, 0.0], [0.0, 4.0]]))
    >>> operator_norm(layer)
    4.0
    """
    is_image_layer = isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
    if not isinstance(layer, nn.Linear) and not (is_image_layer and image is not None):
        raise ValueError(
            f"{type(layer).__name__} with image {image}; pass a linear layer, or a convolution and its image"
        )
    weight = _weight(layer)
    if isinstance(layer, nn.Linear):
        return torch.linalg.svdvals(weight).max().item()
    if _is_circular(layer, image):
        # One [outputs, inputs] matrix for each frequency.
        symbols = torch.fft.fft2(weight, s=image).permute(2, 3, 0, 1)
        return torch.linalg.svdvals(symbols).max().item()
    return torch.linalg.svdvals(_as_matrix(layer, weight, image)).max().item()


def _weight(layer: nn.Module) -> Tensor:
    """The layer's weight in float64, without the power iteration that reading it makes in training mode."""
    with evaluating(layer):
        return layer.weight.detach().double()


def _is_circular(layer: nn.Module, image: tuple[int, int]) -> bool:
    return (
        isinstance(layer, nn.Conv2d)
        and layer.padding_mode == "circular"
        and (set(layer.stride), set(layer.dilation), layer.groups) == ({1}, {1}, 1)
        # As many outputs as inputs, and no kernel that wraps around onto itself.
        and layer.padding != "valid"
        and (
            layer.padding == "same"
            or all(2 * p == k - 1 for p, k in zip(layer.padding, layer.kernel_size, strict=True))
        )
        and all(k <= size for k, size in zip(layer.kernel_size, image, strict=True))
    )


def _as_matrix(layer: nn.Conv2d | nn.ConvTranspose2d, weight: Tensor, image: tuple[int, int]) -> Tensor:
    """The layer without its bias as a matrix, one row for each input."""

    def linear(x: Tensor) -> Tensor:
        if isinstance(layer, nn.Conv2d):
            return layer._conv_forward(x, weight, None)
        settings = layer.stride, layer.padding, layer.output_padding, layer.groups, layer.dilation
        return nn.functional.conv_transpose2d(x, weight, None, *settings)

    inputs = layer.in_channels * math.prod(image)
    zero = weight.new_zeros(1, layer.in_channels, *image)
    outputs = linear(zero).numel()
    if inputs * outputs > MOST_ENTRIES:
        raise ValueError(f"the matrix of {inputs} inputs and {outputs} outputs is too large; pass a smaller image")
    basis = torch.eye(inputs, dtype=weight.dtype, device=weight.device).view(inputs, *zero.shape[1:])
    return linear(basis).flatten(1)
