"""Strided convolutions whose weight gradient is a matrix product."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from gancourse.models import strided

CASES = [
    # input [batch, channels, height, width], other channels, kernel, stride, padding, transposed
    ((2, 3, 8, 6), 4, (4, 4), (2, 2), (1, 1), False),
    ((2, 3, 9, 7), 4, (3, 5), (2, 3), (0, 2), False),
    ((2, 3, 5, 5), 1, (2, 2), (3, 3), (0, 0), False),
    ((2, 3, 4, 3), 4, (4, 4), (2, 2), (1, 1), True),
    ((2, 3, 4, 3), 4, (3, 5), (2, 3), (0, 2), True),
    ((1, 1, 4, 4), 2, (2, 2), (2, 2), (0, 0), True),
]


def tensors(case: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    shape, n_other, kernel, *_, is_transposed = case
    torch.manual_seed(0)
    channels = (shape[1], n_other) if is_transposed else (n_other, shape[1])
    x = torch.randn(*shape, dtype=torch.float64).to(memory_format=torch.channels_last)
    return x.requires_grad_(), torch.randn(*channels, *kernel, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("case", CASES)
def test_first_and_second_derivatives_agree_with_differences(case: tuple):
    *_, stride, padding, is_transposed = case
    x, weight = tensors(case)

    def convolution(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return strided._WeightsByProduct.apply(x, weight, stride, padding, is_transposed)

    assert torch.autograd.gradcheck(convolution, (x, weight))
    assert torch.autograd.gradgradcheck(convolution, (x, weight))


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_equal_torch_s(case: tuple):
    *_, stride, padding, is_transposed = case
    x, weight = tensors(case)
    known = functional.conv_transpose2d if is_transposed else functional.conv2d
    slow = known(x, weight, stride=stride, padding=padding)
    fast = strided._WeightsByProduct.apply(x, weight, stride, padding, is_transposed)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    slope = torch.randn_like(slow)
    expected = torch.autograd.grad(slow, (x, weight), slope)
    for a, b in zip(torch.autograd.grad(fast, (x, weight), slope), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def by_product(layer: nn.Module, x: torch.Tensor) -> bool:
    return "_WeightsByProduct" in strided.unbiased(layer, x).grad_fn.name()


def test_only_strided_layers_of_small_images_in_bfloat16_take_the_product():
    down, up = nn.Conv2d(4, 8, 4, stride=2, padding=1), nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1)
    flat, dilated = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(4, 8, 4, stride=2, padding=1, dilation=2)
    small, wide, wider = torch.ones(1, 4, 7, 7), torch.ones(1, 4, 8, 8), torch.ones(1, 4, 16, 16)
    assert not any(by_product(layer, small) for layer in (down, up))  # float32
    with torch.autocast("cpu", torch.bfloat16):
        assert by_product(up, small)
        assert by_product(down, wide)  # to 4 × 4
        assert not by_product(up, wide)
        assert not by_product(down, wider)
        assert not by_product(flat, small)
        assert not by_product(dilated, small)
        assert strided.unbiased(up, small).dtype == torch.bfloat16
    assert by_product(up.bfloat16(), small.bfloat16())


@pytest.mark.parametrize("make", [nn.Conv2d, nn.ConvTranspose2d])
def test_gradients_in_bfloat16_are_as_close_to_the_exact_ones_as_torch_s(make):
    torch.manual_seed(0)
    layer = make(32, 16, 4, stride=2, padding=1, bias=False)
    x = torch.randn(16, 32, 7, 7)

    def gradient(compute, dtype: torch.dtype) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            y = compute(x.to(dtype) if dtype == torch.float64 else x)
        slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
        (found,) = torch.autograd.grad(y, layer.weight, slope)
        return found.double()

    ours = gradient(lambda x: strided.unbiased(layer, x), torch.bfloat16)
    theirs = gradient(layer, torch.bfloat16)
    exact = gradient(layer.double(), torch.float64)
    error = (ours - exact).norm() / exact.norm()
    assert error <= 1.1 * (theirs - exact).norm() / exact.norm()
    assert 0 < error < 2**-7  # bfloat16 has eight significant bits


def test_a_bias_is_added_to_each_channel_in_place():
    y = torch.zeros(2, 3, 4, 4)
    assert strided.biased(y, torch.arange(3.0)) is y
    torch.testing.assert_close(y[1, :, 2, 1], torch.arange(3.0))
    assert strided.biased(y, None) is y
