import pytest
import torch
from torch.testing import assert_close

from gancourse import data
from gancourse.batch import Batch
from gancourse.games import GAN, Several, packing
from gancourse.models import mlp
from gancourse.objectives import hinge, non_saturating
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam


def games(n, views=()):
    with initialised_from(0):
        G = mlp.Generator(4, 8)
        return [GAN(G, mlp.Discriminator(8), non_saturating, views=views) for _ in range(n)]


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6):
    return Noise((0, "several"), n)


def losses(inner):
    return torch.stack([game.generator_terms(batch(), noise())["adversarial"].mean() for game in inner])


@pytest.mark.parametrize("n", [2, 3])
def test_the_generator_minimises_the_mean_of_its_losses(n):
    inner = games(n)
    terms = Several(inner).players[-1].terms(batch(), noise())
    assert len(terms) == n
    assert_close(sum(t.mean() for t in terms.values()), losses(inner).mean())


def test_a_temper_listens_to_harsh_discriminators_by_softmax():
    inner = games(3)
    each = losses(inner)
    terms = Several(inner, temper=20.0).players[-1].terms(batch(), noise())
    share = (20 * each).exp() / (20 * each).exp().sum()
    assert_close(sum(t.mean() for t in terms.values()), (share * each).sum())
    harshest = Several(inner, temper=1e6).players[-1].terms(batch(), noise())
    assert_close(sum(t.mean() for t in harshest.values()), each.max())


def test_the_gradient_is_that_of_the_smooth_maximum():
    inner, temper = games(3), 5.0
    generator = list(inner[0].generator.parameters())
    terms = Several(inner, temper).players[-1].terms(batch(), noise())
    got = torch.autograd.grad(sum(t.mean() for t in terms.values()), generator)
    expected = torch.autograd.grad((temper * losses(inner)).logsumexp(0) / temper, generator)
    assert_close(got, expected)


def test_several_of_one_trains_bit_equal_to_the_game_itself():
    trained = []
    for wrap in (lambda inner: inner[0], Several):
        game = wrap(games(1))
        for _ in Trainer(game, data.ring(), batch_size=8, optimiser=adam(1e-3)).steps(3):
            pass
        trained.append([w.detach().clone() for p in game.players for w in p.network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*trained, strict=True))


def test_each_discriminator_minimises_its_own_loss_under_a_name_of_its_own():
    inner = games(3)
    players = Several(inner).players
    assert [p.name for p in players] == ["discriminator", "discriminator 2", "discriminator 3", "generator"]
    for player, game in zip(players[:-1], inner, strict=True):
        assert player.network is game.discriminator
        assert_close(player.terms(batch(), noise()), game.discriminator_terms(batch(), noise()))


def test_the_games_may_have_their_own_objectives_and_views():
    with initialised_from(0):
        G = mlp.Generator(4, 8)
        mixed = [
            GAN(G, mlp.Discriminator(8), non_saturating),
            GAN(G, mlp.Discriminator(8, dimensions=4), hinge, views=[packing(2)]),
        ]
    terms = Several(mixed).players[-1].terms(batch(), noise())
    assert {name: t.shape for name, t in terms.items()} == {"adversarial": (6,), "adversarial 2": (3,)}


def test_the_order_of_the_games_does_not_change_the_loss():
    inner = games(3)
    a, b = (
        sum(t.mean() for t in Several(order, 2.0).players[-1].terms(batch(), noise()).values())
        for order in (inner, inner[::-1])
    )
    assert_close(a, b)


def test_games_that_do_not_fit_together_are_refused():
    with pytest.raises(ValueError, match="the list of games is empty"):
        Several([])
    with pytest.raises(ValueError, match="the games have different generators"):
        Several([*games(1), *games(1)])
    with pytest.raises(ValueError, match="two games share a discriminator"):
        Several(games(1) * 2)
    with pytest.raises(ValueError, match="temper is -1"):
        Several(games(2), -1.0)


@pytest.mark.parametrize("temper", [0.0, 2.0])
def test_gradients_to_the_second_order_are_those_of_the_smooth_maximum(temper):
    """Consensus and the field's Jacobian need the second; with weights that stay constant it would be another."""
    inner = games(2)
    weight = inner[0].generator.layers[0].weight
    each = losses(inner)
    expected = ((temper * each).exp().mean().log() / temper) if temper else each.mean()
    total = sum(t.mean() for t in Several(inner, temper).players[-1].terms(batch(), noise()).values())
    slopes = [torch.autograd.grad(value, weight, create_graph=True)[0] for value in (total, expected)]
    assert_close(*slopes)
    seconds = [torch.autograd.grad(slope.square().sum(), weight)[0] for slope in slopes]
    assert_close(*seconds)
