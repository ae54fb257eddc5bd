"""StyleGAN: adaptive instance normalisation, per-channel noise, two layers a resolution, and the paper's size."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from gancourse.models import StyleGAN
from gancourse.models.blocks import n_parameters
from gancourse.models.stylegan import AdaIN, Doubling, Generator, StyledLayer, instance_normalised
from gancourse.rng import initialised_from
from gancourse.signature import Signature


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [4, 32])
def test_adain_is_torch_s_instance_norm_and_an_affine_map_of_the_style(size):
    with initialised_from(0):
        layer = AdaIN(6, 5)
    x, w = 3 + 2 * drawn(4, 6, size, size, seed=1), drawn(4, 5, seed=2)
    scale, shift = layer.affine(w)[..., None, None].chunk(2, 1)
    assert_close(layer(x, w), scale * functional.instance_norm(x, eps=1e-8) + shift, rtol=1e-5, atol=1e-5)


def test_the_variance_is_the_biased_one_which_shows_at_four_pixels_and_hardly_at_32():
    for size, ratio in ((4, (16 / 15) ** 0.5), (32, (1024 / 1023) ** 0.5)):
        x = drawn(2, 3, size, size).double()
        ours = instance_normalised(x)
        assert_close(ours.var((2, 3), unbiased=False), torch.ones(2, 3).double(), rtol=1e-6, atol=0)
        unbiased = (x - x.mean((2, 3), keepdim=True)) / x.std((2, 3), keepdim=True)  # torch's default: a public bug
        assert_close(ours / unbiased, torch.full_like(x, ratio), rtol=1e-6, atol=0)


def test_the_style_is_a_learned_map_and_not_the_mean_and_deviation_of_w():
    layer = AdaIN(6, 5)
    x = drawn(4, 6, 8, 8)
    assert_close(layer(x, torch.zeros(4, 5)), instance_normalised(x))  # y_s starts at one, y_b at zero
    assert layer.affine.bias.tolist() == [1.0] * 6 + [0.0] * 6
    assert not torch.allclose(layer(x, torch.ones(4, 5)), layer(x, torch.zeros(4, 5)), atol=0.1)


def test_in_bfloat16_statistics_are_those_of_float32():
    x = 100 + drawn(2, 3, 8, 8)
    exact = instance_normalised(x.bfloat16().float())
    assert_close(instance_normalised(x.bfloat16()).float(), exact, rtol=0.01, atol=0.01)


def test_a_layer_is_convolution_noise_by_channel_bias_leaky_relu_and_then_adain():
    with initialised_from(0):
        layer = StyledLayer(nn.Conv2d(3, 6, 3, padding=1), 6, 5)
    assert not layer.noise_scale.any()
    assert layer.noise_scale.shape == (6,)
    x, w, noise = drawn(4, 3, 8, 8), drawn(4, 5, seed=1), drawn(4, 1, 8, 8, seed=2)
    with torch.no_grad():
        layer.noise_scale.normal_()
        layer.bias.normal_()
    y = layer.convolution(x) + layer.noise_scale[:, None, None] * noise + layer.bias[:, None, None]
    assert_close(layer(x, w, noise), layer.norm(functional.leaky_relu(y, 0.2), w))
    silent = layer.norm(functional.leaky_relu(layer.convolution(x) + layer.bias[:, None, None], 0.2), w)
    assert_close(layer(x, w), silent)


def test_doubling_is_bilinear_and_then_a_convolution():
    with initialised_from(0):
        layer = Doubling(3, 4)
    x = drawn(2, 3, 8, 8)
    wide = functional.interpolate(functional.pad(x, (2,) * 4), scale_factor=2, mode="bilinear")
    expected = functional.conv2d(wide, layer.convolution.weight, padding=1)
    assert_close(layer(x)[..., 2:-2, 2:-2], expected[..., 6:-6, 6:-6], rtol=1e-4, atol=1e-5)


def test_the_first_layer_starts_from_a_learned_constant_without_a_convolution():
    with initialised_from(0):
        generator = Generator(5, (6, 4))
    assert torch.equal(generator.constant, torch.ones(6, 4, 4))
    assert isinstance(generator.layers[0].convolution, nn.Identity)
    assert len(generator.layers) == generator.n_layers == 4
    # So before any training, a 4 × 4 map without noise has no variance and its layer gives the style's shift alone.
    w = generator.styles(drawn(2, 5))
    shift = generator.layers[0].norm.affine(w[:, 0]).chunk(2, 1)[1]
    first = generator.layers[0](generator.constant.expand(2, -1, -1, -1), w[:, 0])
    assert_close(first, shift[..., None, None].expand_as(first))


def test_at_1024_pixels_both_networks_have_the_official_number_of_weights():
    """26,219,627 and 23,087,249 as the official program prints them, which has layers to colours at all resolutions."""
    widths, fits = (512, 512, 512, 512, 256, 128, 64, 32, 16), Signature((3, 1024, 1024))
    with torch.device("meta"):
        generator, critic = StyleGAN(512, widths, depth=8).pair(fits, fits)
        assert generator(torch.zeros(1, 512)).shape == (1, 3, 1024, 1024)
    colours_below = sum(3 * width + 3 for width in widths[:-1])
    assert n_parameters(generator) + colours_below == 26_219_627
    assert n_parameters(critic) == 23_087_249
    assert generator.n_layers == 18
