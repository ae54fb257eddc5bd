import copy

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gancourse.models import folding
from gancourse.models.spectral import spectral_norm

UP = nn.Upsample(scale_factor=2)
DOWN = nn.AvgPool2d(2)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def convolution(size: int = 3, bias: bool = True) -> nn.Conv2d:
    torch.manual_seed(1)
    return nn.Conv2d(3, 4, size, padding=size // 2, bias=bias).double()


def gradients(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    y = network(x)
    weights = list(network.parameters())
    return torch.autograd.grad((y * random(*y.shape)).sum(), [x, *weights])


def penalty_gradients(network: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """Gradients of a squared slope: they need the second derivative."""
    x = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(network(x).tanh().sum(), x, create_graph=True)
    return torch.autograd.grad(slope.square().sum(), list(network.parameters()), allow_unused=True)


@pytest.mark.parametrize("size", [1, 3, 5, 7])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("order", ["up", "down"])
@pytest.mark.parametrize("image", [(6, 8), (7, 5)])
def test_folded_equals_unfolded_in_values_and_gradients(size: int, bias: bool, order: str, image: tuple[int, int]):
    c = convolution(size, bias)
    slow = nn.Sequential(UP, c) if order == "up" else nn.Sequential(c, DOWN)
    fast = folding.folded(copy.deepcopy(slow))
    assert len(fast) == 1
    x = random(2, 3, *image)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", ["up", "down"])
def test_second_derivatives_agree(order: str):
    slow = nn.Sequential(UP, convolution()) if order == "up" else nn.Sequential(convolution(), DOWN)
    fast = folding.folded(copy.deepcopy(slow))
    x = random(2, 3, 6, 6)
    for a, b in zip(penalty_gradients(fast, x), penalty_gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


def test_upsampling_needs_four_ninths_of_the_multiplications_and_so_does_pooling():
    for slow in (nn.Sequential(UP, nn.Conv2d(8, 8, 3, padding=1)), nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), DOWN)):
        counts = []
        for network in (slow, folding.folded(copy.deepcopy(slow))):
            with FlopCounterMode(display=False) as counter:
                network(torch.zeros(1, 8, 16, 16))
            counts.append(counter.get_total_flops())
        assert 9 * counts[1] == 4 * counts[0]


def test_a_spectrally_normalised_convolution_folds():
    slow = nn.Sequential(spectral_norm(convolution()), DOWN).eval()
    fast = folding.folded(copy.deepcopy(slow))
    x = random(2, 3, 6, 6)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)


def test_networks_inside_networks_are_folded_and_the_rest_is_left_alone():
    inner = nn.Sequential(UP, nn.Conv2d(2, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1), DOWN)
    network = folding.folded(nn.Sequential(nn.Linear(2, 2), nn.ModuleList([inner])))
    assert [type(m) for m in network[1][0]] == [folding.UpsampledConvolution, nn.ReLU, folding.PooledConvolution]
    assert len(list(network.parameters())) == 6


@pytest.mark.parametrize(
    "layers",
    [
        [UP, nn.Conv2d(2, 2, 4, padding=1)],
        [UP, nn.Conv2d(2, 2, 3)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, stride=2)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, groups=2)],
        [UP, nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")],
        [nn.Upsample(scale_factor=3), nn.Conv2d(2, 2, 3, padding=1)],
        [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(2, 2, 3, padding=1)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.AvgPool2d(3)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.AvgPool2d(2, stride=1)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2)],
        [nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), DOWN],
        [UP, nn.BatchNorm2d(2), nn.Conv2d(2, 2, 3, padding=1)],
    ],
)
def test_what_is_not_the_same_is_not_folded(layers: list[nn.Module]):
    with pytest.raises(ValueError, match="no upsampling before"):
        folding.folded(nn.Sequential(*layers))


@pytest.mark.parametrize("kind", [folding.UpsampledConvolution, folding.PooledConvolution])
def test_a_convolution_that_changes_the_size_is_refused(kind: type):
    with pytest.raises(ValueError, match="odd square kernel"):
        kind(nn.Conv2d(2, 2, 3))


def test_the_kernel_must_be_turned_for_upsampling():
    """A fold that forgets it is found: the comparison above can fail."""
    c = convolution()
    x = random(1, 3, 5, 5)
    wrong = nn.functional.conv_transpose2d(x, folding._spread(c.weight).transpose(0, 1), c.bias, stride=2, padding=1)
    assert (wrong - nn.Sequential(UP, c)(x)).abs().max() > 0.1


@pytest.mark.parametrize("settings", [(4, 2, 1), (3, 1, 1), (5, 2, 0), (2, 3, 0)])
@pytest.mark.parametrize("bias", [True, False])
def test_thin_transposed_convolutions_equal_torch_s(settings: tuple[int, int, int], bias: bool):
    torch.manual_seed(1)
    slow = nn.Sequential(nn.ConvTranspose2d(3, 2, *settings, bias=bias).double())
    fast = folding.folded(copy.deepcopy(slow))
    x = random(2, 3, 6, 4)
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(fast(x.to(memory_format=layout)), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    for a, b in zip(penalty_gradients(fast, x), penalty_gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(
    "layer",
    [
        nn.ConvTranspose2d(4, 2, 3, groups=2),
        nn.ConvTranspose2d(4, 2, 3, dilation=2),
        nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 8, 3),
    ],
)
def test_other_transposed_convolutions_are_left_alone(layer: nn.Module):
    with pytest.raises(ValueError, match="transposed convolution to 3 channels or fewer"):
        folding.folded(nn.Sequential(layer))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_flattening_before_a_linear_layer_equals_torch_s_in_any_layout(layout: torch.memory_format):
    torch.manual_seed(1)
    slow = nn.Sequential(nn.Flatten(), nn.Linear(3 * 4 * 5, 2).double())
    fast = folding.folded(copy.deepcopy(slow))
    x = random(6, 3, 4, 5).to(memory_format=layout)
    torch.testing.assert_close(fast(x), slow(x), rtol=1e-12, atol=1e-12)
    for a, b in zip(gradients(fast, x), gradients(slow, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(fast(x.flatten(1)), slow(x.flatten(1)), rtol=1e-12, atol=1e-12)
