"""Consensus optimisation against finite differences and closed forms, on the Dirac-GAN."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Consensus
from gancourse.models import dcgan
from gancourse.objectives import minimax, non_saturating
from gancourse.rng import Noise, initialised_from

DOUBLE = torch.float64


class Point(nn.Module):
    latent_size = 1

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=DOUBLE))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Slope(nn.Module):
    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=DOUBLE))

    def forward(self, x):
        return (self.psi * x)[:, 0]


def batch(n=2):
    return Batch(torch.zeros(n, 1, dtype=DOUBLE))


def noise(n=2):
    return Noise((0, "consensus"), n)


def energy(theta, psi, objective):
    """½‖v‖² by central differences of the two losses."""
    h = 1e-5

    def losses(t, p):
        real, fake = torch.zeros(1, dtype=DOUBLE), torch.tensor([t * p], dtype=DOUBLE)
        return objective.discriminator(real, fake).item(), objective.generator(fake).item()

    of_d = (losses(theta, psi + h)[0] - losses(theta, psi - h)[0]) / (2 * h)
    of_g = (losses(theta + h, psi)[1] - losses(theta - h, psi)[1]) / (2 * h)
    return (of_d**2 + of_g**2) / 2


@pytest.mark.parametrize("objective", [minimax, non_saturating])
def test_the_term_is_half_the_squared_gradient_of_the_game_by_finite_differences(objective):
    game = Consensus(GAN(Point(0.7), Slope(-0.4), objective), 2.0)
    for player in game.players:
        terms = player.terms(batch(), noise())
        assert list(terms) == ["adversarial", "consensus"]
        assert_close(terms["consensus"].detach(), torch.full((2,), 2 * energy(0.7, -0.4, objective), dtype=DOUBLE))


@pytest.mark.parametrize("turn", ["discriminator", "generator"])
def test_each_player_s_gradient_of_it_is_that_of_finite_differences_even_if_the_other_is_frozen(turn):
    G, D = Point(0.7), Slope(-0.4)
    game = Consensus(GAN(G, D, non_saturating), 1.0)
    player = next(p for p in game.players if p.name == turn)
    other = G if turn == "discriminator" else D
    other.requires_grad_(False)
    (slope,) = torch.autograd.grad(player.terms(batch(), noise())["consensus"].mean(), player.network.parameters())
    h = 1e-4
    steps = [(h, 0.0), (-h, 0.0)] if turn == "generator" else [(0.0, h), (0.0, -h)]
    up, down = (energy(0.7 + t, -0.4 + p, non_saturating) for t, p in steps)
    assert slope.item() == pytest.approx((up - down) / (2 * h), rel=1e-4)
    assert other.requires_grad_(True)


def test_near_the_equilibrium_the_dirac_gan_s_eigenvalues_are_the_closed_form_s():
    # v = (ψ/2, −θ/2)·… around 0: with J = [[0, ½], [−½, 0]] consensus descends ½‖Jx‖² = ‖x‖²/8 as well, so that the
    # field's Jacobian is −J − γ/4 I, with eigenvalues −γ/4 ± i/2.
    gamma = 0.8
    G, D = Point(0.0), Slope(0.0)
    game = Consensus(GAN(G, D, minimax), gamma)
    of_d, of_g = (
        torch.autograd.grad(sum(t.mean() for t in p.terms(batch(), noise()).values()), w, create_graph=True)[0]
        for p, w in zip(game.players, (D.psi, G.theta), strict=True)
    )
    rows = [
        torch.stack(
            [
                x if x is not None else torch.zeros((), dtype=DOUBLE)
                for x in torch.autograd.grad(-v, (G.theta, D.psi), retain_graph=True, allow_unused=True)
            ]
        )
        for v in (of_g, of_d)
    ]
    eigenvalues = torch.linalg.eigvals(torch.stack(rows))
    assert_close(eigenvalues.real, torch.full((2,), -gamma / 4, dtype=DOUBLE))
    assert_close(eigenvalues.imag.abs(), torch.full((2,), 0.5, dtype=DOUBLE))


def test_at_the_equilibrium_it_asks_nothing():
    game = Consensus(GAN(Point(0.0), Slope(0.0), minimax), 5.0)
    assert_close(game.energy(batch(), noise()).detach(), torch.zeros((), dtype=DOUBLE))


def test_a_weight_of_zero_gives_the_inner_game():
    inner = GAN(Point(0.7), Slope(-0.4), minimax)
    assert Consensus(inner, 0.0).players == inner.players


def test_it_leaves_the_statistics_of_batch_norm_as_the_inner_game_does():
    with initialised_from(0):
        G, D = dcgan.Generator(latent_size=4, width=2), dcgan.Discriminator(width=2)
    plain_g, plain_d = copy.deepcopy(G), copy.deepcopy(D)
    data = Batch(torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    Consensus(GAN(G, D, non_saturating), 1.0).players[0].terms(data, noise(3))
    GAN(plain_g, plain_d, non_saturating).discriminator_terms(data, noise(3))
    for ours, theirs in ((G, plain_g), (D, plain_d)):
        assert all(torch.equal(a, b) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True))


def test_weights_that_the_caller_froze_are_no_part_of_it():
    G, D = Point(0.7), Slope(-0.4)
    D.requires_grad_(False)
    frozen = Consensus(GAN(G, D, minimax), 1.0).energy(batch(), noise())
    (slope,) = torch.autograd.grad(GAN(G, D, minimax).generator_terms(batch(), noise())["adversarial"].mean(), G.theta)
    assert_close(frozen, slope**2 / 2)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_an_impossible_weight_is_refused(weight):
    with pytest.raises(ValueError, match=r"the weight of consensus is .*; expected a finite number ≥ 0"):
        Consensus(GAN(Point(0.0), Slope(0.0), minimax), weight)
