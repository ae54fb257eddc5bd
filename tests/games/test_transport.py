"""The transport term: what it costs to move latents, how its weight falls, and what it refuses."""

import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import transport
from gancourse.games.terms import Turn
from gancourse.models import mlp
from gancourse.recipes.terms import Transport
from gancourse.rng import Noise

N = 5


def turn_of(z, x, update=0):
    noise, batch = Noise((0, "generator"), len(z), update), Batch(x)
    return Turn(mlp.Generator(2, 4), mlp.Discriminator(4), lambda x: x, batch, noise, z, x, x)


def test_the_term_is_the_mean_square_of_the_move_and_its_weight_falls():
    z, x = torch.randn(N, 2), torch.randn(N, 2, requires_grad=True)
    term = transport(weight=3.0, end=1.0, updates=4)
    assert (term.name, term.of, term.differentiable) == ("transport", "generator", True)
    for update, weight in ((0, 3.0), (2, 2.0), (4, 1.0), (9, 1.0)):
        assert_close(term.function(turn_of(z, x, update)), weight * (x - z).square().mean(1))
    (gradient,) = torch.autograd.grad(term.function(turn_of(z, x)).sum(), x)
    assert_close(gradient, 3.0 * (x - z).detach())


def test_of_all_turns_of_a_normal_latent_the_identity_is_the_cheapest():
    """Turned latents have the same distribution, so that no adversarial loss tells them apart."""
    z = torch.randn(N, 2)
    term, quarter = transport(end=1.0), torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    assert_close(term.function(turn_of(z, z)), torch.zeros(N))
    assert_close(term.function(turn_of(z, z @ quarter.mT)), z.square().sum(1))


def test_images_are_compared_number_by_number():
    z = torch.randn(N, 12)
    assert_close(transport().function(turn_of(z, z.view(N, 3, 2, 2) + 2.0)), torch.full((N,), 4.0))


def test_latents_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"latents are \(5, 4\) and samples \(5, 2\); pass latent_size=2"):
        transport().function(turn_of(torch.randn(N, 4), torch.randn(N, 2)))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight": -1.0}, "the weight of the transport is -1.0"),
        ({"end": float("inf")}, "the weight of the transport is inf"),
        ({"updates": 0}, "falls over 0 updates; pass at least 1"),
    ],
)
def test_other_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        transport(**settings)


def test_the_recipe_s_term_is_the_game_s():
    z, x = torch.randn(N, 2), torch.randn(N, 2)
    own, ours = Transport(0.5, 0.1, 3).of_game(), transport(0.5, 0.1, 3)
    for update in (0, 1, 5):
        assert_close(own.function(turn_of(z, x, update)), ours.function(turn_of(z, x, update)))
