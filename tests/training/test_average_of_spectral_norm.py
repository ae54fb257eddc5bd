"""Averaged weights under spectral normalisation: whose singular vectors, and how wrong the others are."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.testing import assert_close

from gancourse import data
from gancourse.games import GAN
from gancourse.models import mlp
from gancourse.models.spectral import spectral_norm, spectral_normalised
from gancourse.objectives import non_saturating
from gancourse.rng import initialised_from
from gancourse.training import Average, Trainer, adam

DECAY, BATCH = 0.99, 16
HALF_LIFE_KIMG = BATCH / 1000 * math.log(0.5) / math.log(DECAY)
"""What the decay of 0.99 a step is in images."""


def network(normalise):
    with initialised_from(0):
        layers = nn.Sequential(nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 8))
    return normalise(layers).double()


def turns(layers, n=400):
    """The network after each of n changes of its weights, which wander about where they began."""
    source = torch.Generator().manual_seed(0)
    weights = [layer.parametrizations.weight.original.data for layer in layers[::2]]
    centres = [weight.clone() for weight in weights]
    for _ in range(n):
        for weight, centre in zip(weights, centres, strict=True):
            change = 0.1 * torch.randn(weight.shape, generator=source).double()
            weight.copy_(centre + 0.95 * (weight - centre) + change)
        layers(torch.zeros(1, 12).double())  # one power iteration
        yield layers


def ratios(layers):
    """Estimated over exact largest singular value of each stored weight."""
    exact = [torch.linalg.matrix_norm(layer.parametrizations.weight.original, 2) for layer in layers[::2]]
    layers.eval()
    used = [layer.parametrizations.weight.original.norm() / layer.weight.norm() for layer in layers[::2]]
    return torch.stack([u / e for u, e in zip(used, exact, strict=True)]).detach()


@pytest.fixture(scope="module")
def averages():
    """The average, and one whose singular vectors are copied from the network instead."""
    layers = network(spectral_normalised)
    ours = Average(layers, HALF_LIFE_KIMG)
    for now in turns(layers):
        ours.update(now, BATCH)
    copied = copy.deepcopy(ours.network)
    for own, live in zip(copied.buffers(), layers.buffers(), strict=True):
        own.copy_(live)
    return ours.network, copied, layers


def test_the_average_s_norms_are_its_own_weights(averages):
    ours, _, _ = averages
    assert_close(ratios(ours), torch.ones(2).double(), rtol=0, atol=1e-3)


def test_copied_vectors_underestimate_the_norm_of_other_weights(averages):
    _, copied, layers = averages
    assert (ratios(copied) < 0.99).all()
    assert (ratios(layers) > 0.95).all()


def test_torch_s_average_of_the_vectors_themselves_underestimates_it_more(averages):
    """use_buffers=True averages u and v, which are then shorter than one: weights that are divided by it are larger."""
    layers = network(lambda chain: nn.Sequential(*(torch_s_own(layer) for layer in chain)))
    average = AveragedModel(layers, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True)
    for now in turns(layers):
        average.update_parameters(now)
    u = [layer.parametrizations.weight[0]._u for layer in average.module[::2]]
    assert all(vector.norm() < 0.99 for vector in u)
    assert (ratios(average.module) < ratios(averages[1])).all()


def torch_s_own(layer):
    return parametrizations.spectral_norm(layer) if isinstance(layer, nn.Linear) else layer


def test_the_averaged_weights_are_torch_s():
    """Stored weights, of which normalised ones are computed when they are used."""
    ours_of, theirs_of = network(spectral_normalised), network(lambda chain: chain)
    for layer, plain in zip(ours_of[::2], theirs_of[::2], strict=True):
        assert torch.equal(layer.parametrizations.weight.original, plain.weight)
    ours = Average(ours_of, HALF_LIFE_KIMG)
    theirs = AveragedModel(theirs_of, multi_avg_fn=get_ema_multi_avg_fn(DECAY))
    theirs.update_parameters(theirs_of)  # torch's first update copies
    source = torch.Generator().manual_seed(1)
    for _ in range(5):
        for layer, plain in zip(ours_of[::2], theirs_of[::2], strict=True):
            change = torch.randn(plain.weight.shape, generator=source, dtype=torch.float64)
            layer.parametrizations.weight.original.data.add_(change)
            plain.weight.data.add_(change)
        ours.update(ours_of, BATCH)
        theirs.update_parameters(theirs_of)
    for layer, plain in zip(ours.network[::2], theirs.module[::2], strict=True):
        assert_close(layer.parametrizations.weight.original, plain.weight, rtol=1e-6, atol=1e-9)


def test_other_buffers_are_still_copied():
    layers = nn.Sequential(spectral_norm(nn.Linear(3, 2)), nn.BatchNorm1d(2))
    average = Average(layers, 1.0)
    layers(torch.randn(5, 3) + 4)
    average.update(layers, 5)
    assert torch.equal(average.network[1].running_mean, layers[1].running_mean)
    assert not average.network.training


@pytest.fixture(scope="module")
def generators():
    """A spectrally normalised generator that has learnt a ring for 300 steps, its average, and the twin."""
    with initialised_from(1):
        players = spectral_normalised(mlp.Generator(4, 32)), mlp.Discriminator(32)
    trainer = Trainer(
        GAN(*players, non_saturating), data.ring(), seed=1, averages={"generator": 10.0}, optimiser=adam(2e-3, 0.0, 0.9)
    )
    for _ in trainer.steps(300):
        pass
    average = trainer.averages["generator"].network
    copied = copy.deepcopy(average)
    for own, live in zip(copied.buffers(), players[0].buffers(), strict=True):
        own.copy_(live)
    return average, copied


def shares(network):
    """Of each layer, σ = uᵀWv over the largest singular value of W."""
    values = []
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            parametrised = layer.parametrizations.weight
            estimate, weight = parametrised[0], parametrised.original
            values.append((estimate.u @ weight @ estimate.v / torch.linalg.matrix_norm(weight, 2)).item())
    return values


def test_the_norms_of_an_averaged_generator_are_right_and_with_copied_vectors_up_to_half(generators):
    """Measured: 0.9999, 1.0000 and 1.0000 by its own iteration; 0.92, 0.50 and 0.73 with the generator's vectors."""
    own, copied = map(shares, generators)
    assert len(own) == 3
    assert min(own) > 0.998
    assert max(copied) < 0.97
    assert min(copied) < 0.7
