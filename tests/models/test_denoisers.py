"""Networks that see a noisy sample and its time: the U-Net, the one for points, and their embedding of the time."""

import math
from itertools import product

import pytest
import torch
from torch.testing import assert_close

from gancourse.models import DenoisingMLP, UNet, denoising_mlp, unet
from gancourse.models.blocks import n_parameters
from gancourse.models.time_embedding import TimeEmbedding, sinusoids
from gancourse.rng import initialised_from
from gancourse.signature import Classes, Factors, Signature

THREE = Classes(("a", "b", "c"))
IMAGES, POINTS = Signature((1, 28, 28), THREE), Signature((2,), THREE)


def with_weights(network):
    """The network with small random weights everywhere, so that no layer is zero."""
    torch.manual_seed(0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, 0.0, 0.2)
    return network.double()


def test_sinusoids_are_the_formula_of_the_paper():
    times, size = [0.0, 1.0, 250.5, 1000.0], 6
    angles = [[t / 10_000 ** (k / 3) for k in range(3)] for t in times]
    expected = [[math.sin(a) for a in row] + [math.cos(a) for a in row] for row in angles]
    assert_close(sinusoids(torch.tensor(times, dtype=torch.float64), size), torch.tensor(expected, dtype=torch.float64))


def test_neighbouring_times_differ_and_unscaled_ones_hardly():
    """The embedding is made for 0 … 1000: of t between 0 and 1, half of its numbers are constant."""
    scaled, unscaled = (sinusoids(torch.linspace(0, last, 101), 32) for last in (1000.0, 1.0))
    assert (scaled.diff(dim=0).norm(dim=1) > 1).all()
    assert (unscaled.std(0) < 0.05).double().mean() > 0.8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sinusoids(torch.zeros(2), 5), "the embedding has 5 numbers; pass an even number"),
        (
            lambda: sinusoids(torch.zeros(2, 1), 4),
            r"time is torch.float32 of shape \(2, 1\); expected floats \[batch\]",
        ),
        (lambda: sinusoids(torch.tensor([3]), 4), "time is torch.int64"),
        (lambda: TimeEmbedding(4)(torch.zeros(2), torch.tensor([0, 1])), "takes no labels; leave y out"),
        (lambda: TimeEmbedding(4, 3)(torch.zeros(2)), "but y is None; pass y"),
        (lambda: TimeEmbedding(4, 3)(torch.zeros(2), torch.tensor([0, 4])), "labels run from 0 to 4"),
        (lambda: unet.Denoiser(width=4)(torch.zeros(2, 1, 30, 28), torch.zeros(2)), "pass multiples of 4"),
        (lambda: unet.Denoiser(width=4)(torch.zeros(2, 3, 28, 28), torch.zeros(2)), r"expected \[batch, 1, 28, 28\]"),
        (lambda: unet.Denoiser(depth=0), "depth is 0; pass at least 1"),
        (lambda: denoising_mlp.Denoiser(hidden=0), "hidden is 0; pass at least 1"),
        (lambda: denoising_mlp.Denoiser()(torch.zeros(2, 3), torch.zeros(2)), r"expected \[batch, 2\]"),
        (lambda: UNet().denoiser(Signature((1, 30, 30))), "UNet makes images of 4, 8, 12, … pixels, not 30 × 30"),
        (lambda: UNet(classes=True).denoiser(Signature((1, 28, 28))), "the data has no labels or other y"),
        (lambda: DenoisingMLP(classes=True).denoiser(Signature((2,), Factors(("size",)))), "is of the kind factors"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


NETWORKS = [
    *(
        (UNet(4, depth, attention, classes), IMAGES)
        for depth, attention, classes in product((1, 2), *[(False, True)] * 2)
    ),
    *((DenoisingMLP(8, 2, classes), POINTS) for classes in (False, True)),
]


@pytest.mark.parametrize(("family", "fits"), NETWORKS, ids=str)
def test_a_denoiser_s_first_prediction_is_zero_and_then_depends_on_all_it_sees(family, fits):
    network = family.denoiser(fits)
    assert network.conditional == family.classes
    generator = torch.Generator().manual_seed(0)
    x, time = torch.randn(2, *fits.shape, generator=generator), torch.tensor([3.0, 700.0])
    labels = (torch.tensor([0, 2]),) if family.classes else ()
    assert torch.equal(network(x, time, *labels), torch.zeros_like(x))
    network, x, time = with_weights(network), x.double(), time.double()
    out = network(x, time, *labels)
    assert out.shape == x.shape
    assert (network(x, time + 1, *labels) != out).flatten(1).any(1).all()
    assert (network(x + 0.1, time, *labels) != out).flatten(1).any(1).all()
    if labels:
        nobody = torch.tensor([network.n_classes] * 2)
        assert (network(x, time, nobody) != out).flatten(1).any(1).all()


@pytest.mark.parametrize(("family", "fits"), NETWORKS, ids=str)
def test_a_sample_s_prediction_does_not_depend_on_the_rest_of_the_batch(family, fits):
    network = with_weights(family.denoiser(fits))
    x, time = torch.randn(3, *fits.shape, dtype=torch.float64), torch.tensor([3.0, 700.0, 50.0], dtype=torch.float64)
    labels = (torch.tensor([0, 3, 1]),) if family.classes else ()
    whole = network(x, time, *labels)
    each = [network(x[i : i + 1], time[i : i + 1], *(y[i : i + 1] for y in labels)) for i in range(3)]
    assert_close(whole, torch.cat(each))


def test_every_weight_has_a_gradient():
    for family, fits in NETWORKS:
        network = with_weights(family.denoiser(fits))
        labels = (torch.arange(4),) if family.classes else ()
        x, time = torch.randn(4, *fits.shape, dtype=torch.float64), torch.linspace(0, 999, 4, dtype=torch.float64)
        network(x, time, *labels).square().sum().backward()
        assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters()), family


def test_sizes_at_the_defaults():
    assert 0.4e6 < n_parameters(UNet().denoiser(IMAGES)) < 1e6
    assert n_parameters(DenoisingMLP().denoiser(POINTS)) == 64_962


def test_images_of_both_sizes_and_any_channels():
    for shape in ((1, 28, 28), (3, 32, 32), (2, 4, 4)):
        network = UNet(4).denoiser(Signature(shape))
        assert network(torch.zeros(2, *shape), torch.zeros(2)).shape == (2, *shape)


def test_weights_are_the_seed_s_alone():
    for family, fits in ((UNet(4), IMAGES), (DenoisingMLP(8), POINTS)):
        states = []
        for seed in (0, 0, 1):
            with initialised_from(seed):
                states.append(torch.cat([weight.flatten() for weight in family.denoiser(fits).parameters()]))
        assert torch.equal(states[0], states[1])
        assert not torch.equal(states[0], states[2])
