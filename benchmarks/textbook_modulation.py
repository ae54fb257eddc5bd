"""The textbook's modulated convolutions: other weights for each sample, as many groups as samples.

All samples are convolved as one batch of one image. It is the same function as the course's, which scales channels.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from gancourse.models.stylegan2 import EPSILON, GAIN, ModulatedConvolution, StyledLayer, ToImage
from gancourse.models.styles import LEAK
from gancourse.recipes import Recipe, recipe
from gancourse.recipes.terms import R1, PathLength

RECIPE = "stylegan2-faces"


def own_weights(convolution: ModulatedConvolution, w: Tensor) -> Tensor:
    """Each sample's modulated and demodulated weights, [batch, out, in, k, k]."""
    styles = convolution.affine(w)
    weights = styles[:, None, :, None, None] * (convolution.factor * convolution.weight)
    if convolution.demodulate:
        weights = weights * (weights.square().sum((2, 3, 4), keepdim=True) + EPSILON).rsqrt()
    return weights


def grouped(convolution: ModulatedConvolution, x: Tensor, w: Tensor) -> Tensor:
    """The textbook's modulated convolution, without the gain: one image, and a group for each sample."""
    weights = own_weights(convolution, w)
    n, n_out, n_in, k, _ = weights.shape
    # Contiguous: with channels last, some layers' gradients by the weights were wrong without it (torch 2.14, CPU).
    weights, image = weights.contiguous(), x.reshape(1, n * n_in, *x.shape[2:]).contiguous()
    if convolution.smoothing is None:
        y = functional.conv2d(image, weights.reshape(n * n_out, n_in, k, k), padding=k // 2, groups=n)
        return y.view(n, n_out, *y.shape[2:])
    flipped = weights.flip(3, 4).transpose(1, 2).reshape(n * n_in, n_out, k, k)
    y = functional.conv_transpose2d(image, flipped, stride=2, groups=n)
    return convolution.smoothing(y.view(n, n_out, *y.shape[2:]))


class GroupedLayer(StyledLayer):
    """The same layer by the textbook: convolution, noise, bias, activation and gain, one after the other."""

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images of features."""
        y = grouped(self.convolution, x, w)
        if noise is not None:
            y = y + self.noise_scale * noise
        return functional.leaky_relu(y + self.bias[:, None, None], LEAK) * GAIN


class GroupedToImage(ToImage):
    """The same layer to colours by the textbook."""

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Images."""
        return grouped(self.convolution, x, w) + self.bias[:, None, None]


def as_grouped(generator: nn.Module) -> nn.Module:
    """The generator, whose layers from now on compute the textbook's form of the same function."""
    for module in generator.modules():
        kind = {StyledLayer: GroupedLayer, ToImage: GroupedToImage}.get(type(module))
        if kind is not None:
            module.__class__ = kind
    return generator


def compared() -> Recipe:
    """The recipe with the paper's losses."""
    return recipe(RECIPE).changed(objective="non-saturating", terms=(R1(10.0, every=16), PathLength(every=8)))
