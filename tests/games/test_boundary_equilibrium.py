import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import data
from gancourse.batch import Batch
from gancourse.games import BoundaryEquilibrium, instance_noise, packing
from gancourse.models import AutoencoderCritic, mlp
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam


def game(**options):
    with initialised_from(0):
        critic = AutoencoderCritic(mlp.Encoder(2, 8), mlp.Generator(2, 8), power=1)
        return BoundaryEquilibrium(mlp.Generator(4, 8), critic, **options)


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6, update=0):
    return Noise((0, "balance"), n, update)


def errors(found, update=0):
    critic = found.discriminator
    fake = found.generator(noise(update=update).normal("z", 4))
    return tuple((critic.decoder(critic.encoder(x)) - x).abs().mean(1) for x in (batch().x, fake))


def test_the_terms_are_the_paper_s_with_the_balance_before_the_update():
    found = game(gamma=0.7, rate=0.5)
    found.balance.k.fill_(0.25)
    real, fake = errors(found)
    terms = found.players[0].terms(batch(), noise())
    assert_close(terms["real"], real)
    assert_close(terms["generated"], -0.25 * fake)
    assert_close(found.balance.k, 0.25 + 0.5 * (0.7 * real.mean() - fake.mean()).detach())
    assert_close(found.players[1].terms(batch(), noise())["adversarial"], fake)


@pytest.mark.parametrize(("gamma", "start", "end"), [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0)])
def test_the_balance_stays_between_zero_and_one(gamma, start, end):
    found = game(gamma=gamma, rate=100.0)
    found.balance.k.fill_(start)
    found.players[0].terms(batch(), noise())
    assert found.balance.k.item() == end


class Constant(nn.Module):
    """A critic of two errors: one at zero, where the data lies here, and one elsewhere."""

    def __init__(self, at_zero, elsewhere):
        super().__init__()
        self.errors = nn.Parameter(torch.tensor([at_zero, elsewhere]))

    def forward(self, x):
        return -torch.where((x == 0).all(1), self.errors[0], self.errors[1])


def errors_game(of_real, of_fake, **options):
    with initialised_from(0):
        return BoundaryEquilibrium(mlp.Generator(4, 8), Constant(of_real, of_fake), **options)


@pytest.mark.parametrize(("of_fake", "after"), [(2.0, 0.4), (1.0, 0.5), (3.0, 0.3)])
def test_the_balance_rests_where_the_errors_have_the_ratio_asked_for_and_moves_towards_it(of_fake, after):
    found = errors_game(4.0, of_fake, gamma=0.5, rate=0.1)
    found.balance.k.fill_(0.4)
    found.players[0].terms(Batch(torch.zeros(6, 2)), noise())
    assert found.balance.k.item() == pytest.approx(after)


@pytest.mark.parametrize(("k", "net"), [(0.25, 0.75), (1.0, 0.0)])
def test_there_is_no_fixed_error_until_the_balance_reaches_one(k, net):
    found = errors_game(2.0, 2.0)
    found.balance.k.fill_(k)
    terms = found.players[0].terms(Batch(torch.zeros(6, 2)), noise())
    (gradient,) = torch.autograd.grad(sum(term.mean() for term in terms.values()), found.discriminator.errors)
    assert gradient.sum().item() == pytest.approx(net)


def test_out_of_training_mode_and_in_the_generator_s_turn_the_balance_stands_still():
    found = game(rate=1.0, gamma=1.0)
    found.players[1].terms(batch(), noise())
    found.balance.eval()
    found.players[0].terms(batch(), noise())
    assert found.balance.k == 0


def test_the_measure_of_convergence_is_the_paper_s_and_zero_for_a_perfect_autoencoder():
    found = game(gamma=0.3)
    real, fake = (e.mean() for e in errors(found))
    assert found.convergence(batch(), noise()) == pytest.approx((real + abs(0.3 * real - fake)).item(), rel=1e-5)
    perfect = AutoencoderCritic(nn.Identity(), nn.Identity())
    assert BoundaryEquilibrium(mlp.Generator(4, 8), perfect).convergence(batch(), noise()) == 0


def test_training_lowers_the_measure_of_convergence():
    """An untrained twin, with the same weights at the start, is the comparison."""
    found, twin = game(rate=0.01), game(rate=0.01)
    ring = data.ring(std=0.1)
    for _ in Trainer(found, ring, batch_size=64, optimiser=adam(3e-3)).steps(300):
        pass
    after, before = (g.convergence(ring(noise(256)), noise(256)) for g in (found, twin))
    assert after < before / 2


def test_views_stand_between_data_and_critic():
    with initialised_from(0):
        critic = AutoencoderCritic(mlp.Encoder(2, 8, dimensions=4), mlp.Generator(2, 8, dimensions=4))
        found = BoundaryEquilibrium(mlp.Generator(4, 8), critic, views=[instance_noise(0.1), packing(2)])
    assert found.discriminator_terms(batch(), noise())["real"].shape == (3,)


@pytest.mark.parametrize("options", [{"gamma": 1.5}, {"rate": 0.0}, {"n_critic": 0}, {"gamma": float("nan")}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="pass gamma in"):
        game(**options)


def test_a_discriminator_that_is_no_autoencoder_is_refused():
    class High(nn.Module):
        def forward(self, x):
            return torch.ones(len(x))

    with pytest.raises(ValueError, match="positive scores; BEGAN needs minus a reconstruction error"):
        BoundaryEquilibrium(mlp.Generator(4, 8), High()).discriminator_terms(batch(), noise())
