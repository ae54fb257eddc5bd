"""StyleGAN3: Kaiser's filters, layers that commute with movements by parts of a pixel, and the generator."""

import math

import pytest
import torch
from scipy import signal
from torch.nn import functional
from torch.testing import assert_close

from gancourse.metrics import translated, translation_equivariance
from gancourse.models import StyleGAN3
from gancourse.models.alias_free import (
    FilteredActivation,
    attenuation,
    cropped,
    kaiser_beta,
    low_pass,
    lowered,
    raised,
)
from gancourse.models.stylegan3 import FourierFeatures, Generator, bands
from gancourse.rng import initialised_from
from gancourse.signature import Signature

FILTERS = [(12, 6.0, 2.0, 32.0), (12, 8.0, 3.3, 32.0), (24, 4.0, 2.0, 64.0), (12, 7.9, 0.4, 32.0), (11, 0.2, 0.05, 1.0)]


# Filters


@pytest.mark.parametrize(("n_taps", "cutoff", "half_width", "rate"), FILTERS)
def test_low_pass_filters_are_scipy_s_to_the_last_digits(n_taps, cutoff, half_width, rate):
    theirs = torch.from_numpy(signal.firwin(n_taps, cutoff, width=2 * half_width, fs=rate))
    assert_close(low_pass(n_taps, cutoff, half_width, rate), theirs, rtol=0, atol=1e-15)
    width = 4 * half_width / rate
    assert attenuation(n_taps, width) == pytest.approx(signal.kaiser_atten(n_taps, width))
    assert kaiser_beta(attenuation(n_taps, width)) == pytest.approx(signal.kaiser_beta(attenuation(n_taps, width)))


@pytest.mark.parametrize("decibels", [10.0, 30.0, 49.9, 50.1, 90.0])
def test_the_window_s_shape_is_scipy_s_at_every_attenuation(decibels):
    assert kaiser_beta(decibels) == pytest.approx(signal.kaiser_beta(decibels))


def test_a_filter_keeps_what_is_low_halves_the_cutoff_and_removes_what_is_high():
    taps = low_pass(48, 8.0, 2.0, 64.0).numpy()
    _, response = signal.freqz(taps, worN=[0.0, 4.0, 8.0, 13.0, 20.0], fs=64.0)
    assert abs(response).round(3).tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0], abs=5e-3)


# Changing the sampling rate


def wave(size, frequency=2.0, phase=0.3, rate=1):
    """A wave across a canvas at `rate` times as many pixels, sampled at the centres of its pixels."""
    position = (torch.arange(size * rate, dtype=torch.float64) + 0.5) / rate
    return torch.sin(2 * math.pi * frequency * position / size + phase).expand(1, 1, size * rate, -1)


@pytest.mark.parametrize("up", [2, 4])
def test_raising_and_lowering_the_rate_keep_a_low_wave_and_its_place(up):
    low, high = wave(48), wave(48, rate=up)
    taps = low_pass(6 * up, 12.0, 12.0, 48.0 * up)
    inside = (..., *(slice(8 * up, -8 * up),) * 2)
    assert_close(raised(low, taps, up)[inside], high[inside], rtol=0, atol=0.02)
    inside = (..., *(slice(8, -8),) * 2)
    assert_close(lowered(high, taps, up)[inside], low[inside], rtol=0, atol=0.02)
    # A filter of six taps a step passes low waves with an error of two in a hundred; half a pixel would be thirteen.
    half_a_pixel = wave(48, phase=0.3 + math.pi * 2 / 48)
    assert (half_a_pixel - low)[inside].abs().max() > 0.1


def test_the_gain_makes_up_for_the_zeros_between_samples():
    """Without it, a doubled image has a quarter of its brightness."""
    flat = torch.ones(1, 1, 24, 24, dtype=torch.float64)
    up, down = low_pass(12, 8.0, 4.0, 48.0), low_pass(12, 8.0, 4.0, 48.0)
    assert_close(raised(flat, up, 2)[..., 12:-12, 12:-12].mean(), torch.ones(()).double(), rtol=1e-3, atol=0)
    assert_close(
        lowered(raised(flat, up, 2), down, 2)[..., 8:-8, 8:-8].mean(), torch.ones(()).double(), rtol=1e-3, atol=0
    )
    assert raised(flat, up, 1) is flat


def test_a_filtered_activation_of_positive_low_waves_is_the_gain_alone():
    x = 3 + wave(48)
    y = FilteredActivation(48, 16.0, 8.0)(x)
    assert_close(y[..., 8:-8, 8:-8], 2**0.5 * x[..., 8:-8, 8:-8], rtol=0, atol=0.02)


# Equivariance


def low_images(size=64, cutoff=0.45):
    """Periodic random images without frequencies of the cutoff and more, as a share of the rate."""
    noise = torch.randn(4, 8, size, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    radius = (torch.fft.fftfreq(size)[:, None].square() + torch.fft.rfftfreq(size).square()).sqrt()
    x = torch.fft.irfft2(torch.fft.rfft2(noise) * (radius < cutoff), s=(size, size))
    return x / x.std()


def convolved(x):
    """A convolution with random weights."""
    weight = torch.randn(8, 8, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64) / 72**0.5
    return functional.conv2d(functional.pad(x, (1, 1, 1, 1), mode="circular"), weight)


def ordinary(x):
    """A convolution and a leaky ReLU."""
    return 2**0.5 * functional.leaky_relu(convolved(x), 0.2)


def filtered(cutoff, half_width):
    """A convolution and a filtered leaky ReLU; both as shares of the rate."""
    activation = FilteredActivation(1, cutoff, half_width)
    return lambda x: activation(convolved(x))


SHIFTS = torch.rand(8, 2, generator=torch.Generator().manual_seed(3)) * 8 - 4


def test_filters_make_a_layer_equivariant_and_a_cutoff_below_the_critical_one_much_more():
    x = low_images()
    plain, critical, low = (
        translation_equivariance(layer, x, SHIFTS, margin=16)
        for layer in (ordinary, filtered(0.4999, 0.1), filtered(0.35, 0.15))
    )
    assert plain == pytest.approx(29.5, abs=1.0)
    assert plain + 10 < critical < plain + 20  # filters at the critical rate alone bring less than 20 decibels
    assert low > plain + 20
    assert low > critical + 10


def test_moved_by_whole_pixels_an_ordinary_layer_passes_for_equivariant():
    """The trap: convolutions on a grid commute with movements along it."""
    x = low_images()
    assert translation_equivariance(ordinary, x, SHIFTS.round(), margin=0) > 200
    assert translation_equivariance(ordinary, x, SHIFTS, margin=16) < 31


# The generator


def test_cutoffs_rise_geometrically_to_half_the_size_and_the_last_layers_are_critical():
    layers = bands(6, 32)
    assert [band.cutoff for band in layers] == pytest.approx([2 * 8 ** (min(i, 4) / 4) for i in range(6)])
    assert all(band.cutoff + band.half_width >= band.rate / 2 for band in layers)
    assert [band.cutoff < band.rate / 2 for band in layers] == [True] * 4 + [False] * 2


# Output rate, cutoff and half-width of each layer as the official program prints them for 1024 × 1024.
OFFICIAL = [
    *[(16, 2, 6), (16, 3.1748, 4.8252), (32, 5.03968, 10.9603), (32, 8, 8), (64, 12.6992, 19.3008)],
    *[(128, 20.1587, 43.8413), (128, 32, 32), (256, 50.7968, 77.2032), (256, 80.6349, 47.3651), (512, 128, 128)],
    *[(1024, 203.187, 308.813), (1024, 322.54, 189.46), (1024, 512, 118.346), (1024, 512, 118.346)],
]
SIZES = [36, 36, 52, 52, 84, 148, 148, 276, 276, 532, 1044, 1044, 1044, 1024]


def test_at_1024_pixels_the_layers_bands_and_sizes_are_the_official_ones():
    for band, (rate, cutoff, half_width) in zip(bands(14, 1024), OFFICIAL, strict=True):
        assert band.rate == rate
        assert (band.cutoff, band.half_width) == pytest.approx((cutoff, half_width), rel=1e-5)
    with torch.device("meta"):
        whole = Generator(512, (4,) * 14, 1024)
    assert whole.input.size == 36
    assert [layer.size for layer in whole.layers] == SIZES
    assert whole.n_layers == 16


def generator(**options):
    with initialised_from(0):
        return Generator(8, (12, 12, 8, 8), 32, 3, **options).eval()


def test_the_input_s_waves_lie_below_the_cutoff_and_fill_the_disk():
    with initialised_from(0):
        features = FourierFeatures(4000, 8, bands(6, 32)[0], 36)
    radius = features.frequencies.norm(dim=1)
    assert radius.max() <= 2.0
    assert (radius < 2**0.5).double().mean().item() == pytest.approx(0.5, abs=0.04)  # half the disk's area


def test_the_input_and_with_it_the_image_can_be_moved_by_parts_of_a_pixel():
    network = generator()
    w = network.styles(torch.randn(4, 8, generator=torch.Generator().manual_seed(0)))
    plain = network.synthesis(w)
    moved_by = {}
    for pixels in (1.0, 2.5, -1.3):
        network.input.shift = torch.tensor([pixels / 32, 0.0])
        moved_by[pixels] = network.synthesis(w)
    assert_close(moved_by[1.0][..., 1:], plain[..., :-1], rtol=0, atol=5e-2)
    peak = (plain.max() - plain.min()).item()
    for pixels in (2.5, -1.3):
        error = (moved_by[pixels] - translated(plain, pixels, 0.0))[..., 6:-6, 6:-6]
        assert 10 * math.log10(peak**2 / error.square().mean().item()) > 40


def test_a_larger_margin_changes_little_inside_so_borders_don_t_leak_in():
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    images = [generator(margin=margin)(z) for margin in (2, 10, 14)]
    assert_close(images[1], images[2], rtol=0, atol=0.02 * images[2].std().item())
    assert (images[0] - images[2]).abs().max() > 0.02 * images[2].std()


def test_features_are_divided_by_their_running_size_which_changes_in_training_only():
    network = generator()
    layer = network.layers[0]
    z = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    network(z)
    assert layer.square == 1
    seen = []
    layer.register_forward_pre_hook(lambda module, args: seen.append(args[0].square().mean().item()))
    network.train()(z)
    assert layer.square.item() == pytest.approx(0.999 + 0.001 * seen[0])
    with torch.no_grad():
        layer.square.fill_(4.0)
    network.eval()
    assert not torch.equal(network(z), generator()(z))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: StyleGAN3(layer_widths=(4, 4)).generator(Signature((3, 32, 32))), "2 layers, 2 of them critical"),
        (
            lambda: StyleGAN3().generator(Signature((3, 48, 48))),
            "for images of 48 pixels; expected .* 16, 32, 64, … pix",
        ),
        (
            lambda: StyleGAN3().generator(Signature((3, 8, 8))),
            "for images of 8 pixels; expected at least one layer more",
        ),
        (lambda: StyleGAN3().discriminator(Signature((3, 48, 48))), "images: 48 × 48; StyleGAN3 doubles 4 × 4"),
        (lambda: low_pass(12, 16.0, 1.0, 32.0), "cutoff 16.0, half-width 1.0, rate 32.0; expected at least 1 tap"),
        (
            lambda: FilteredActivation(48, 6.0, 2.0, new_rate=32),
            "rates 48 and 32 are no even parts of 96",
        ),
        (
            lambda: cropped(torch.zeros(1, 1, 8, 8), 5),
            "images of 8 pixels have no middle of 5; pass a size of the same",
        ),
        (lambda: cropped(torch.zeros(1, 1, 8, 8), 10), "images of 8 pixels have no middle of 10"),
    ],
)
def test_bad_inputs_are_named_in_one_line(wrong, message):
    with pytest.raises(ValueError, match=message) as caught:
        wrong()
    assert "\n" not in str(caught.value)
