import pytest
import torch
from torch.testing import assert_close

from gancourse.models import mlp
from gancourse.models.blocks import n_parameters
from gancourse.rng import initialised_from


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("z", "h", "depth", "d"), [(8, 64, 2, 2), (3, 5, 1, 4), (2, 7, 0, 1)])
def test_shapes_and_parameter_counts_are_those_of_the_formula(z, h, depth, d):
    G, D = mlp.Generator(z, h, depth, d), mlp.Discriminator(h, depth, d)
    assert G(draw(6, z)).shape == (6, d)
    assert D(draw(6, d)).shape == (6,)
    if depth:
        inside = (depth - 1) * (h * h + h)
        assert n_parameters(G) == (z * h + h) + inside + (h * d + d)
        assert n_parameters(D) == (d * h + h) + inside + (h + 1)
    else:
        assert (n_parameters(G), n_parameters(D)) == (z * d + d, d + 1)


def test_networks_are_their_formula():
    with initialised_from(0):
        G, D = mlp.Generator(3, 5, 1, 2), mlp.Discriminator(5, 1, 2)
    for network, x in ((G, draw(6, 3)), (D, draw(6, 2))):
        first, last = (m for m in network.layers if isinstance(m, torch.nn.Linear))
        expected = (x @ first.weight.T + first.bias).clamp(min=0) @ last.weight.T + last.bias
        assert_close(network(x), expected if network is G else expected[:, 0])


def test_a_sample_does_not_depend_on_its_batch():
    G, D = mlp.Generator(), mlp.Discriminator()
    z = draw(5, 8)
    assert_close(torch.cat([G(row[None]) for row in z]), G(z))
    assert_close(torch.cat([D(row[None]) for row in G(z)]), D(G(z)))


def test_neither_the_output_of_g_nor_that_of_d_is_bounded():
    G, D = mlp.Generator(), mlp.Discriminator()
    assert G(1e4 * draw(50, 8)).abs().max() > 100
    assert D(1e4 * draw(50, 2)).abs().max() > 100


@pytest.mark.parametrize(
    ("network", "shape", "message"),
    [
        (mlp.Generator(), (5, 7), r"z has shape \(5, 7\); expected \[batch, 8\]"),
        (mlp.Generator(), (8,), r"z has shape \(8,\); expected \[batch, 8\]"),
        (mlp.Discriminator(), (5, 3), r"x has shape \(5, 3\); expected \[batch, 2\]"),
        (mlp.Discriminator(dimensions=3), (5, 3, 1), r"x has shape \(5, 3, 1\); expected \[batch, 3\]"),
    ],
)
def test_wrong_shapes_are_refused(network, shape, message):
    with pytest.raises(ValueError, match=message):
        network(torch.zeros(shape))


def test_labels_are_numbers_zero_and_one_beside_the_input():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8, n_classes=3), mlp.Discriminator(8, n_classes=3)
    y, z, x = torch.tensor([2, 0]), torch.randn(2, 4), torch.randn(2, 2)
    one_hot = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert_close(G(z, y), G.layers(torch.cat([z, one_hot], 1)))
    assert_close(D(x, y), D.layers(torch.cat([x, one_hot], 1)))
    assert_close(D.features(x, y), D.layers[:-2](torch.cat([x, one_hot], 1)))
    assert (G.conditional, D.conditional) == (True, True)
    assert (mlp.Generator().conditional, mlp.Discriminator().conditional) == (False, False)


def test_a_pack_s_labels_stand_beside_each_other():
    D = mlp.Discriminator(8, dimensions=4, n_classes=3, n_labels=2)
    x, y = torch.randn(5, 4), torch.randint(3, (5, 2))
    one_hot = torch.nn.functional.one_hot(y, 3).flatten(1)
    assert_close(D(x, y), D.layers(torch.cat([x, one_hot], 1)))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "conditioned on labels of 3 classes, but y is None; pass y"),
        (torch.tensor([0, 3]), "labels run from 0 to 3 but the network knows 3 classes; pass n_classes=4 or drop them"),
        (torch.tensor([-1, 0]), "labels run from -1 to 0"),
        (torch.tensor([0]), r"y is torch.int64 of shape \(1,\); expected integer labels of shape \[2, 1\]"),
        (torch.tensor([0.0, 1.0]), "y is torch.float32"),
    ],
)
def test_labels_that_are_missing_or_wrong_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        mlp.Discriminator(8, n_classes=3)(torch.zeros(2, 2), y)
