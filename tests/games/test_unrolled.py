"""The unrolled generator against steps written out by hand, on games of two numbers."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Unrolled, penalty
from gancourse.models import dcgan, mlp
from gancourse.objectives import minimax, non_saturating, r1
from gancourse.rng import Noise, initialised_from

DOUBLE = torch.float64


class Point(nn.Module):
    """A generator of one number, whatever the latent; with a quadratic term, so that curvature matters."""

    latent_size = 1

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=DOUBLE))

    def forward(self, z):
        return (self.theta + self.theta**2 / 4).expand(len(z), 1)


class Slope(nn.Module):
    """A discriminator of one number: D(x) = psi x + psi² x² / 5."""

    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=DOUBLE))

    def forward(self, x):
        return (self.psi * x + self.psi**2 * x**2 / 5)[:, 0]


def batch(n=3):
    return Batch(torch.full((n, 1), 0.3, dtype=DOUBLE))


def noise(n=3, update=0):
    return Noise((0, "unrolled"), n, update)


def by_hand(theta, psi, steps, rate):
    """The generator's loss after so many discriminator steps, as a formula in theta."""
    psi = psi.detach().clone().requires_grad_()
    x, real = theta + theta**2 / 4, 0.3

    def score(at):
        return psi * at + psi**2 * at**2 / 5

    for _ in range(steps):
        loss = softplus(-score(real)) + softplus(score(x))
        (slope,) = torch.autograd.grad(loss, psi, create_graph=True)
        psi = psi - rate * slope
    return softplus(-score(x))


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("frozen", [False, True])
def test_value_and_gradient_are_those_of_steps_written_out_by_hand(steps, frozen):
    G, D = Point(0.7), Slope(-0.4)
    theta = torch.tensor(0.7, dtype=DOUBLE, requires_grad=True)
    expected = by_hand(theta, torch.tensor(-0.4, dtype=DOUBLE), steps, 0.5)
    (slope,) = torch.autograd.grad(expected, theta)
    D.requires_grad_(True)
    game = Unrolled(GAN(G, D, non_saturating), steps, 0.5)
    D.requires_grad_(not frozen)  # the trainer freezes D in the generator's turn
    got = game.players[1].terms(batch(), noise())["adversarial"]
    assert_close(got, expected.expand(3))
    (found,) = torch.autograd.grad(got.mean(), G.theta)
    assert_close(found, slope)


def test_the_gradient_goes_through_the_steps():
    """The twin: with the future discriminator held fixed, the gradient would be another one."""
    theta = torch.tensor(0.7, dtype=DOUBLE, requires_grad=True)
    (through,) = torch.autograd.grad(by_hand(theta, torch.tensor(-0.4, dtype=DOUBLE), 5, 0.5), theta)
    G, D = Point(0.7), Slope(-0.4)
    for _ in range(5):
        loss = GAN(G, D, non_saturating).discriminator_terms(batch(), noise())["adversarial"].mean()
        (slope,) = torch.autograd.grad(loss, D.psi)
        with torch.no_grad():
            D.psi -= 0.5 * slope
    (around,) = torch.autograd.grad(
        GAN(G, D, non_saturating).generator_terms(batch(), noise())["adversarial"].mean(), G.theta
    )
    assert abs(through - around) > 0.01


def test_no_steps_give_the_inner_game_and_so_do_the_opponents_always():
    inner = GAN(Point(0.7), Slope(-0.4), minimax)
    assert Unrolled(inner, 0, 0.1).players == inner.players
    assert Unrolled(inner, 3, 0.1).players[0] == inner.players[0]


def test_with_a_discriminator_that_has_learned_all_it_can_unrolling_changes_no_value():
    # At psi = 0 and G = real the discriminator's slope vanishes, so that every step stays there.
    G, D = Point(0.0), Slope(0.0)
    game = GAN(G, D, non_saturating)
    data = Batch(torch.zeros(3, 1, dtype=DOUBLE))
    got = Unrolled(game, 4, 1.0).players[1].terms(data, noise())["adversarial"]
    assert_close(got, game.generator_terms(data, noise())["adversarial"])


def test_imagined_steps_leave_no_trace_in_weights_statistics_or_modes():
    with initialised_from(0):
        G, D = dcgan.Generator(latent_size=4, width=2), dcgan.Discriminator(width=2)
    plain_g, plain_d = copy.deepcopy(G), copy.deepcopy(D)
    x = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    before = {k: v.clone() for k, v in D.state_dict().items()}
    Unrolled(GAN(G, D, non_saturating), 3, 0.01).players[1].terms(Batch(x), noise())
    assert all(torch.equal(v, before[k]) for k, v in D.state_dict().items())
    GAN(plain_g, plain_d, non_saturating).generator_terms(Batch(x), noise())
    for name, buffer in G.named_buffers():  # one evaluation of G, as in the inner game
        assert torch.equal(buffer, dict(plain_g.named_buffers())[name]), name


def test_penalties_take_part_in_the_imagined_steps():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8)
    data = Batch(torch.randn(3, 2, generator=torch.Generator().manual_seed(0)))
    strict, free = (
        Unrolled(GAN(G, D, non_saturating, penalties), 2, 0.5).players[1].terms(data, noise())["adversarial"]
        for penalties in ([penalty(r1, 10.0)], [])
    )
    assert not torch.allclose(strict, free)


@pytest.mark.parametrize(("steps", "rate"), [(-1, 0.1), (1, 0.0), (1, -1.0), (1, float("nan"))])
def test_impossible_steps_are_refused(steps, rate):
    with pytest.raises(ValueError, match="pass steps ≥ 0 and a positive rate"):
        Unrolled(GAN(Point(0.0), Slope(0.0), minimax), steps, rate)


def test_a_game_without_a_generator_is_refused():
    game = GAN(Point(0.0), Slope(0.0), minimax)
    game.players = game.players[:1]
    with pytest.raises(ValueError, match="no player named 'generator'; its players are discriminator"):
        Unrolled(game, 1, 0.1)
