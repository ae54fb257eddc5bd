import pytest
import torch
from torch import nn

from gancourse import data, models, objectives
from gancourse.games import GAN
from gancourse.games.constraints import weight_clipping
from gancourse.rng import initialised_from
from gancourse.training import Trainer, adam


def test_weights_beyond_the_bound_are_put_onto_it_and_all_others_are_left():
    layer = nn.Linear(3, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-5.0, 0.05, 0.2]]))
        layer.bias.fill_(7.0)
    weight_clipping(0.1)(layer)
    torch.testing.assert_close(layer.weight.detach(), torch.tensor([[-0.1, 0.05, 0.1]]))
    torch.testing.assert_close(layer.bias.detach(), torch.tensor([0.1]))


def trained(constraint):
    with initialised_from(0):
        G, D = models.mlp.Generator(2, 8), models.mlp.Discriminator(8)
    game = GAN(G, D, objectives.wasserstein, n_critic=2, constraint=constraint)
    for _ in Trainer(game, data.ring(), batch_size=8, optimiser=adam(0.01)).steps(3):
        yield game


def largest(network):
    return max(weight.abs().max().item() for weight in network.parameters())


def test_a_clipped_critic_stays_within_the_bound_in_training_and_its_generator_is_left_alone():
    for game in trained(weight_clipping(0.05)):
        assert largest(game.discriminator) <= 0.0500001  # of a single-precision bound
        assert largest(game.generator) > 0.3


def test_without_the_constraint_the_same_critic_leaves_the_bound():
    assert all(largest(game.discriminator) > 0.3 for game in trained(None))


@pytest.mark.parametrize("c", [0.0, -0.01, float("inf"), float("nan")])
def test_bounds_that_are_not_positive_and_finite_are_refused(c):
    with pytest.raises(ValueError, match=r"pass a positive, finite bound, such as 0.01"):
        weight_clipping(c)
