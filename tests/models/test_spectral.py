import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.testing import assert_close

from gancourse.models import dcgan
from gancourse.models.spectral import SpectralNorm, is_normalised, operator_norm, spectral_norm, spectral_normalised
from gancourse.rng import initialised_from

LAYERS = {
    "linear": (lambda: nn.Linear(7, 5), (3, 7)),
    "convolution": (lambda: nn.Conv2d(3, 4, 3, stride=2, padding=1), (2, 3, 6, 6)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 4, 4, stride=2, padding=1), (2, 3, 5, 5)),
    "embedding": (lambda: nn.Embedding(6, 4), None),
}
EACH = pytest.mark.parametrize("kind", LAYERS)
EXACT = {"rtol": 0, "atol": 1e-12}


def layer_of(kind):
    make, shape = LAYERS[kind]
    with initialised_from(0):
        layer = make().double()
    x = torch.tensor([0, 5, 2]) if shape is None else torch.randn(shape).double()
    return layer, x


def ours_of(layer):
    return layer.parametrizations.weight[0]


@EACH
def test_weights_and_outputs_are_those_of_torch_s_own_from_the_same_start(kind):
    layer, x = layer_of(kind)
    ours, theirs = spectral_norm(copy.deepcopy(layer)), parametrizations.spectral_norm(copy.deepcopy(layer))
    own, other = ours_of(ours), theirs.parametrizations.weight[0]
    own.u.copy_(other._u)
    own.v.copy_(other._v)
    for _ in range(3):
        assert_close(ours(x), theirs(x), **EXACT)
        assert_close(own.u, other._u, **EXACT)
        assert_close(own.v, other._v, **EXACT)
    ours.eval(), theirs.eval()
    assert_close(ours.weight, theirs.weight, **EXACT)
    assert_close(ours(x), theirs(x), **EXACT)


@EACH
def test_gradients_are_those_of_torch_s_own(kind):
    layer, x = layer_of(kind)
    ours, theirs = spectral_norm(copy.deepcopy(layer)), parametrizations.spectral_norm(copy.deepcopy(layer))
    ours_of(ours).u.copy_(theirs.parametrizations.weight[0]._u)
    ours_of(ours).v.copy_(theirs.parametrizations.weight[0]._v)
    for network in (ours, theirs):
        # Used twice before one backward pass, as a critic is: on real and on generated data.
        (network(x).square().sum() + network(x).pow(3).sum()).backward()
    assert_close(ours.parametrizations.weight.original.grad, theirs.parametrizations.weight.original.grad)


@EACH
def test_with_many_iterations_the_largest_singular_value_becomes_one(kind):
    layer, x = layer_of(kind)
    exact = torch.linalg.svdvals(SpectralNorm(layer.weight, int(kind == "transposed")).matrix(layer.weight)).max()
    before = layer.weight.detach().clone()
    spectral_norm(layer)
    for _ in range(300):
        layer(x)
    layer.eval()
    assert_close(layer.weight.detach(), (before / exact).detach(), rtol=1e-9, atol=0)


def test_in_evaluation_mode_the_estimate_stands_still():
    layer, x = layer_of("linear")
    spectral_norm(layer).eval()
    u = ours_of(layer).u.clone()
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(ours_of(layer).u, u)
    layer.train()(x)
    assert not torch.equal(ours_of(layer).u, u)


def test_the_estimate_never_exceeds_the_exact_norm_and_gets_better():
    weight = torch.randn(20, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    exact = torch.linalg.svdvals(weight).max()
    norm = SpectralNorm(weight, n_start=0)
    found = []
    for _ in range(20):
        norm.iterate(weight)
        found.append(norm.u @ weight @ norm.v)
    found = torch.stack(found)
    assert (found <= exact * (1 + 1e-12)).all()
    assert (found.diff() > -1e-12).all()


def step(network, optimiser, x):
    optimiser.zero_grad()
    network(x).square().mean().backward()
    optimiser.step()


def new():
    with initialised_from(1):
        network = spectral_normalised(dcgan.Discriminator(4))
    return network, torch.optim.Adam(network.parameters(), lr=0.01)


def test_training_resumed_from_a_saved_state_is_bit_equal():
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    network, optimiser = new()
    step(network, optimiser, x)
    saved = copy.deepcopy((network.state_dict(), optimiser.state_dict()))
    step(network, optimiser, x)
    other, its_optimiser = new()
    other.load_state_dict(saved[0])
    its_optimiser.load_state_dict(saved[1])
    step(other, its_optimiser, x)
    assert all(
        torch.equal(a, b) for a, b in zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    )


def test_a_deep_copy_is_the_same_network_with_a_life_of_its_own():
    x = torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    network, optimiser = new()
    twin = copy.deepcopy(network)
    assert torch.equal(twin.eval()(x), network.eval()(x))
    before = twin(x)
    network.train()
    step(network, optimiser, x)
    assert torch.equal(twin(x), before)


def test_every_layer_with_a_weight_is_normalised_and_none_twice():
    network, _ = new()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert len(layers) == 3
    assert all(is_normalised(layer) for layer in layers)
    with pytest.raises(ValueError, match="Discriminator has no layer left to normalise"):
        spectral_normalised(network)
    with pytest.raises(ValueError, match="normalised already"):
        spectral_norm(layers[0])


def test_layers_without_a_matrix_are_refused():
    with pytest.raises(ValueError, match="BatchNorm1d has no weight to normalise"):
        spectral_norm(nn.BatchNorm1d(3))
    with pytest.raises(ValueError, match="two axes or more"):
        SpectralNorm(torch.ones(3))


def as_matrix(layer, size):
    """The layer as a matrix by its action on every basis vector, one at a time."""
    zero = torch.zeros(1, *size, dtype=torch.float64)
    columns = []
    for i in range(zero.numel()):
        basis = zero.clone()
        basis.view(-1)[i] = 1
        columns.append((layer(basis) - layer(zero)).flatten())
    return torch.stack(columns, 1).detach()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Linear(4, 6).double(),
        nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular").double(),
        nn.Conv2d(2, 3, (3, 5), padding="same", padding_mode="circular").double(),
        nn.Conv2d(2, 3, 3, padding=1).double(),
        nn.Conv2d(2, 3, 4, stride=2, padding=1, padding_mode="circular").double(),
        nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1).double(),
    ],
    ids=lambda layer: str(layer)[:60],
)
def test_the_operator_norm_is_the_largest_singular_value_of_the_layer_as_a_matrix(layer):
    linear = isinstance(layer, nn.Linear)
    matrix = as_matrix(layer, (4,) if linear else (2, 6, 5))
    found = operator_norm(layer, None if linear else (6, 5))
    assert found == pytest.approx(torch.linalg.svdvals(matrix).max().item(), rel=1e-10)


def test_the_norm_of_a_convolution_is_not_that_of_its_weight_and_lies_below_a_multiple_of_it():
    layer, _ = layer_of("convolution")
    of_weight = torch.linalg.svdvals(layer.weight.flatten(1)).max().item()
    found = operator_norm(layer, (6, 6))
    assert abs(found / of_weight - 1) > 0.05
    assert found <= 3 * of_weight  # √(3·3): each pixel lies in at most nine windows


def test_the_operator_norm_leaves_out_a_bias_however_large_and_changes_nothing():
    layer = nn.Conv2d(2, 3, 3, padding=1)
    expected = operator_norm(layer, (6, 5))
    nn.init.constant_(layer.bias, 1e7)
    assert operator_norm(layer, (6, 5)) == expected
    layer = spectral_norm(layer).train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    found = operator_norm(layer, (6, 5))
    assert found == operator_norm(layer.eval(), (6, 5))
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())
    operator_norm(layer.train(), (6, 5))
    assert all(module.training for module in layer.modules())


def test_norms_that_can_t_be_computed_are_refused():
    with pytest.raises(ValueError, match="Conv2d with image None; pass a linear layer, or a convolution and its image"):
        operator_norm(nn.Conv2d(1, 1, 3))
    with pytest.raises(ValueError, match="too large; pass a smaller image"):
        operator_norm(nn.Conv2d(16, 16, 3, padding=1), (64, 64))


@EACH
def test_a_weight_of_zeros_stays_zero_and_the_next_one_is_normalised(kind):
    layer, x = layer_of(kind)
    weight = layer.weight.detach().clone()
    nn.init.zeros_(layer.weight)
    spectral_norm(layer)
    for _ in range(3):
        assert torch.equal(layer.weight, torch.zeros_like(weight))
        layer(x).sum().backward()
    gradient = layer.parametrizations.weight.original.grad
    assert gradient.isfinite().all()
    assert gradient.any()
    layer.parametrizations.weight.original.data.copy_(weight)
    for _ in range(200):
        layer(x)
    assert_close(torch.linalg.matrix_norm(ours_of(layer).matrix(layer.weight), 2).item(), 1.0, rtol=1e-6, atol=0)
    # Weights may become zero later on, too.
    layer.parametrizations.weight.original.data.zero_()
    assert torch.equal(layer.weight, torch.zeros_like(weight))
    assert_close(ours_of(layer).v.norm().item(), 1.0, rtol=1e-12, atol=0)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_weights_of_any_scale_are_normalised(scale):
    layer, x = layer_of("linear")
    layer.weight.data.mul_(scale)
    spectral_norm(layer)
    for _ in range(200):
        layer(x)
    assert_close(torch.linalg.matrix_norm(layer.weight, 2).item(), 1.0, rtol=1e-6, atol=0)


def test_measuring_a_norm_leaves_each_submodule_in_its_mode():
    layer = spectral_norm(nn.Linear(3, 2))
    frozen = layer.parametrizations.weight[0].eval()
    operator_norm(layer)
    assert (layer.training, layer.parametrizations.training, frozen.training) == (True, True, False)
