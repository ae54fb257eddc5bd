"""Two steps in one, exactly: upsampling and convolution, convolution and pooling.

Nearest-neighbour upsampling by two repeats each number in a 2 × 2 square, so a 3 × 3 convolution behind it multiplies
the same number by several of its weights. A transposed convolution with stride two and a 4 × 4 kernel that holds the
sums of these weights gives the same in 4 instead of 9 multiplications a weight and output pixel. A 3 × 3 convolution
and the mean over 2 × 2 squares behind it are, in the same way, one convolution with stride two and a 4 × 4 kernel: 16
instead of 36 multiplications. The parameters stay those of the 3 × 3 convolution, and gradients reach them.

A transposed convolution to one or three channels, the last layer of many generators, is one matrix product and a sum of
overlapping squares: processors' kernels for convolutions compute sixteen channels at a time and throw most away. A
linear layer reads images as they lie in memory, channels last too, if its weights are put into their order instead.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def _odd_kernel(convolution: nn.Conv2d) -> int:
    """The kernel's size p · 2 + 1 if the convolution keeps height and width by p zeros around the image, else 0."""
    size = convolution.kernel_size[0]
    plain = (
        convolution.kernel_size == (size, size)
        and size % 2 == 1
        and (convolution.stride, convolution.dilation, convolution.groups) == ((1, 1), (1, 1), 1)
        and (convolution.padding == "same" or convolution.padding == (size // 2, size // 2))
        and convolution.padding_mode == "zeros"
    )
    return size if plain else 0


class _SameSize(nn.Module):
    """Something that is made of a convolution which keeps height and width, and owns it."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        if not isinstance(convolution, nn.Conv2d) or not _odd_kernel(convolution):
            raise ValueError(
                f"{convolution} can't be folded; expected a Conv2d with an odd square kernel, stride 1, no groups or "
                "dilation, and zeros around the image that keep its size"
            )
        self.convolution = convolution


def _spread(weight: Tensor) -> Tensor:
    """Sum over the 2 × 2 places where a kernel can lie: [out, in, k, k] → [out, in, k + 1, k + 1].

    It is the full convolution with a square of ones, on each axis v[u] = w[u] + w[u − 1].
    """
    tall = functional.pad(weight, (0, 0, 0, 1)) + functional.pad(weight, (0, 0, 1, 0))
    return functional.pad(tall, (0, 1)) + functional.pad(tall, (1, 0))


class UpsampledConvolution(_SameSize):
    """Upsampling by two (nearest neighbour) and then a convolution, as one transposed convolution.

    Args:
        convolution: keeps height and width: odd kernel, stride 1, zeros around the image. Its weight is read at every
            use, so that it may be spectrally normalised.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.Conv2d(2, 3, 3, padding=1)
    >>> x = torch.randn(1, 2, 5, 5)
    >>> slow = convolution(functional.interpolate(x, scale_factor=2, mode="nearest"))
    >>> torch.allclose(UpsampledConvolution(convolution)(x), slow, atol=1e-6)
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, 2 · height, 2 · width]."""
        weight, bias, size = self.convolution.weight, self.convolution.bias, self.convolution.kernel_size[0]
        if size == 1:  # the same numbers before as after, and a quarter of them before
            return functional.interpolate(self.convolution(x), scale_factor=2, mode="nearest")
        # Backwards, because a transposed convolution reads its kernel backwards.
        kernel = _spread(weight.flip(2, 3)).transpose(0, 1)
        return functional.conv_transpose2d(x, kernel, bias, stride=2, padding=size // 2)


class PooledConvolution(_SameSize):
    """A convolution and then the mean over 2 × 2 squares, as one convolution with stride two.

    Args:
        convolution: as for `UpsampledConvolution`.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.Conv2d(2, 3, 3, padding=1)
    >>> x = torch.randn(1, 2, 6, 6)
    >>> slow = functional.avg_pool2d(convolution(x), 2)
    >>> torch.allclose(PooledConvolution(convolution)(x), slow, atol=1e-6)
    True
    """

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, height / 2, width / 2], rounded down."""
        weight, bias, size = self.convolution.weight, self.convolution.bias, self.convolution.kernel_size[0]
        if size == 1:
            return self.convolution(functional.avg_pool2d(x, 2))
        return functional.conv2d(x, _spread(weight) / 4, bias, stride=2, padding=size // 2)


class ThinTransposedConvolution(nn.Module):
    """A transposed convolution to few channels, as a matrix product and a sum of overlapping squares.

    Args:
        convolution: any ConvTranspose2d without groups, dilation or output padding. Its weight is read at every use.

    Raises:
        ValueError: the convolution is of another kind.

    >>> convolution = nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1)
    >>> x = torch.randn(2, 8, 7, 7)
    >>> torch.allclose(ThinTransposedConvolution(convolution)(x), convolution(x), atol=1e-6)
    True
    """

    def __init__(self, convolution: nn.ConvTranspose2d) -> None:
        super().__init__()
        plain = isinstance(convolution, nn.ConvTranspose2d) and (
            (convolution.groups, convolution.dilation, convolution.output_padding) == (1, (1, 1), (0, 0))
        )
        if not plain:
            raise ValueError(f"{convolution} has groups, dilation or output padding, or isn't a ConvTranspose2d")
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        """Images [batch, in, height, width] to [batch, out, …] as the convolution's."""
        c = self.convolution
        size = [
            (n - 1) * stride - 2 * padding + kernel
            for n, stride, padding, kernel in zip(x.shape[2:], c.stride, c.padding, c.kernel_size, strict=True)
        ]
        # What each pixel adds to each place of its square; rows are pixels, as they lie in channels-last memory.
        squares = x.flatten(2).transpose(1, 2) @ c.weight.flatten(1)
        y = functional.fold(squares.transpose(1, 2), size, c.kernel_size, padding=c.padding, stride=c.stride)
        return y if c.bias is None else y + c.bias[:, None, None]


class FlattenedLinear(nn.Module):
    """Flattening images and then a linear layer, without bringing images that lie channels last into another order.

    Args:
        linear: its inputs are numbered channel by channel, as `nn.Flatten` does.

    >>> linear = nn.Linear(4 * 3 * 3, 1)
    >>> x = torch.randn(2, 4, 3, 3)
    >>> torch.allclose(FlattenedLinear(linear)(x), linear(x.flatten(1)), atol=1e-6)
    True
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: Tensor) -> Tensor:
        """Anything [batch, …] to [batch, out]."""
        if x.ndim != 4 or not x.is_contiguous(memory_format=torch.channels_last):
            return self.linear(x.flatten(1))
        weight = self.linear.weight.unflatten(1, x.shape[1:]).permute(0, 2, 3, 1).flatten(1)
        return functional.linear(x.permute(0, 2, 3, 1).flatten(1), weight, self.linear.bias)


THIN = 3
"""Up to so many channels a transposed convolution counts as thin."""


def _thinned(layer: nn.Module) -> nn.Module | None:
    """The fast form of a single layer, or None."""
    if not isinstance(layer, nn.ConvTranspose2d) or layer.out_channels > THIN:
        return None
    try:
        return ThinTransposedConvolution(layer)
    except ValueError:
        return None


def _folds(first: nn.Module, second: nn.Module) -> nn.Module | None:
    """What two neighbours can be folded into, or None."""
    if isinstance(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1) and isinstance(second, nn.Linear):
        return FlattenedLinear(second)
    if isinstance(first, nn.Upsample) and isinstance(second, nn.Conv2d) and _odd_kernel(second):
        doubles = first.size is None and first.scale_factor in (2, (2, 2)) and first.mode == "nearest"
        return UpsampledConvolution(second) if doubles else None
    if isinstance(first, nn.Conv2d) and _odd_kernel(first) and isinstance(second, nn.AvgPool2d):
        halves = all(getattr(second, name) in (2, (2, 2)) for name in ("kernel_size", "stride"))
        whole = second.padding in (0, (0, 0)) and not second.ceil_mode and second.divisor_override in (None, 4)
        return PooledConvolution(first) if halves and whole else None
    return None


def folded(network: nn.Module) -> nn.Module:
    """The same network, with every such pair or layer in an `nn.Sequential` folded; changed in place.

    It computes the same function of the same parameters, up to rounding; their names gain ".convolution".

    Raises:
        ValueError: there is nothing to fold.

    >>> folded(nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()))
    Sequential(
      (0): UpsampledConvolution(
        (convolution): Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
      )
      (1): ReLU()
    )
    """
    found = 0
    for module in list(network.modules()):
        if not isinstance(module, nn.Sequential):
            continue
        layers = list(module)
        kept: list[nn.Module] = []
        while layers:
            pair = _folds(layers[0], layers[1]) if len(layers) > 1 else None
            fold = pair or _thinned(layers[0])
            kept.append(fold or layers[0])
            layers = layers[2 if pair else 1 :]
            found += fold is not None
        if any(layer not in module.children() for layer in kept):
            for name in list(module._modules):
                del module._modules[name]
            for i, layer in enumerate(kept):
                module.add_module(str(i), layer)
    if not found:
        raise ValueError(
            f"{type(network).__name__} has no upsampling before a convolution, mean pooling behind one, flattening "
            f"before a linear layer, or transposed convolution to {THIN} channels or fewer"
        )
    return network
