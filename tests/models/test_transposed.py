"""Transposed convolutions whose weight gradient is a matrix product."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from gancourse.models import transposed

CASES = [
    # input [batch, channels, height, width], other channels, kernel, stride, padding
    ((2, 3, 4, 3), 4, (4, 4), (2, 2), (1, 1)),
    ((2, 3, 4, 3), 4, (3, 5), (2, 3), (0, 2)),
    ((1, 1, 4, 4), 2, (2, 2), (2, 2), (0, 0)),
    ((3, 2, 1, 5), 1, (2, 2), (3, 3), (0, 0)),
]


def tensors(case: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    shape, n_other, kernel, *_ = case
    torch.manual_seed(0)
    x = torch.randn(*shape, dtype=torch.float64).to(memory_format=torch.channels_last)
    return x.requires_grad_(), torch.randn(shape[1], n_other, *kernel, dtype=torch.float64).requires_grad_()


@pytest.mark.parametrize("case", CASES)
def test_first_and_second_derivatives_agree_with_differences(case: tuple):
    *_, stride, padding = case
    x, weight = tensors(case)

    def convolution(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return transposed._WeightsByProduct.apply(x, weight, stride, padding)

    assert torch.autograd.gradcheck(convolution, (x, weight))
    assert torch.autograd.gradgradcheck(convolution, (x, weight))


@pytest.mark.parametrize("case", CASES)
def test_values_and_gradients_equal_torch_s(case: tuple):
    *_, stride, padding = case
    x, weight = tensors(case)
    slow = functional.conv_transpose2d(x, weight, stride=stride, padding=padding)
    fast = transposed._WeightsByProduct.apply(x, weight, stride, padding)
    torch.testing.assert_close(fast, slow, rtol=1e-12, atol=1e-12)
    slope = torch.randn_like(slow)
    expected = torch.autograd.grad(slow, (x, weight), slope)
    for a, b in zip(torch.autograd.grad(fast, (x, weight), slope), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def by_product(layer: nn.Module, x: torch.Tensor) -> bool:
    return "_WeightsByProduct" in transposed.unbiased(layer, x).grad_fn.name()


def test_only_strided_layers_of_small_images_in_bfloat16_take_the_product():
    layer = nn.ConvTranspose2d(4, 8, 4, stride=2, padding=1)
    others = [nn.ConvTranspose2d(4, 8, 3, padding=1), nn.ConvTranspose2d(4, 8, 4, stride=2, dilation=2)]
    small, wide = torch.ones(1, 4, 7, 7), torch.ones(1, 4, 7, 8)
    assert not by_product(layer, small)  # float32
    with torch.autocast("cpu", torch.bfloat16):
        assert by_product(layer, small)
        assert not by_product(layer, wide)
        assert not any(by_product(other, small) for other in others)
        assert transposed.unbiased(layer, small).dtype == torch.bfloat16
        assert not by_product(layer.double(), small.double())  # autocast leaves doubles alone
    assert by_product(layer.bfloat16(), small.bfloat16())


def test_gradients_in_bfloat16_are_as_close_to_the_exact_ones_as_torch_s():
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1, bias=False)
    x = torch.randn(16, 32, 7, 7)

    def gradient(compute, dtype: torch.dtype) -> torch.Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            y = compute(x.to(dtype) if dtype == torch.float64 else x)
        slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
        (found,) = torch.autograd.grad(y, layer.weight, slope)
        return found.double()

    ours = gradient(lambda x: transposed.unbiased(layer, x), torch.bfloat16)
    theirs = gradient(layer, torch.bfloat16)
    exact = gradient(layer.double(), torch.float64)
    error = (ours - exact).norm() / exact.norm()
    assert error <= 1.1 * (theirs - exact).norm() / exact.norm()
    assert 0 < error < 2**-7  # bfloat16 has eight significant bits


def test_a_bias_is_added_to_each_channel_in_place():
    y = torch.zeros(2, 3, 4, 4)
    assert transposed.biased(y, torch.arange(3.0)) is y
    torch.testing.assert_close(y[1, :, 2, 1], torch.arange(3.0))
    assert transposed.biased(y, None) is y
