"""Claims of chapter 2 (the GAN game) that no test of the package makes."""

from functools import partial

import nbformat
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy, softplus

from gancourse.data import ring
from gancourse.games import GAN, Player, penalty
from gancourse.metrics import mode_coverage
from gancourse.models import mlp
from gancourse.models.blocks import Flatten
from gancourse.objectives import minimax, non_saturating, r1
from gancourse.rng import Noise
from gancourse.training import Trainer, adam
from tests import checkout

DATA = ring(std=0.1)


class Players:
    def __init__(self, *players):
        self.players = players


def networks(seed):
    torch.manual_seed(seed)
    return mlp.Generator(), mlp.Discriminator()


def slope(loss, score):
    s = torch.tensor([score], requires_grad=True)
    loss(s).sum().backward()
    return s.grad


def mean_probability_after(generator_loss, seed, n_steps=100):
    generator, discriminator = networks(seed)
    game = GAN(generator, discriminator, non_saturating)
    forger = Player(
        "generator", generator, lambda _, noise: {"loss": generator_loss(discriminator(generator(game.latents(noise))))}
    )
    for _ in Trainer(Players(game.players[0], forger), DATA, seed=seed, optimiser=adam(3e-3)).steps(n_steps):
        pass
    with torch.no_grad():
        return discriminator(generator(Noise((seed, "judge"), 1024).normal("z", 8))).sigmoid().mean().item()


@pytest.mark.parametrize("score", [-50.0, -30.0])
def test_cross_entropy_of_a_sigmoid_loses_the_gradient_that_softplus_keeps(score):
    clamped = slope(lambda s: binary_cross_entropy(s.sigmoid(), torch.ones(1)), score)
    assert clamped.abs() < 0.1
    torch.testing.assert_close(slope(lambda s: softplus(-s), score), torch.tensor([-1.0]))


def test_a_sigmoid_written_out_keeps_its_gradient_at_minus_50_and_loses_it_at_plus_20():
    torch.testing.assert_close(slope(lambda s: -torch.log(s.sigmoid()), -50.0), torch.tensor([-1.0]))
    assert slope(lambda s: -torch.log(1 - s.sigmoid()), 20.0).isnan()


def test_slopes_of_the_two_generator_losses_are_apart_by_the_odds():
    scores = torch.linspace(-8, 8, 33, dtype=torch.float64).requires_grad_()
    (a,) = torch.autograd.grad(minimax.generator(scores).sum(), scores)
    (b,) = torch.autograd.grad(non_saturating.generator(scores).sum(), scores)
    probability = scores.detach().sigmoid()
    torch.testing.assert_close(a / b, probability / (1 - probability))


def test_a_detach_in_the_generators_update_silently_stops_all_learning():
    generator, discriminator = networks(0)
    z = torch.zeros(4, 8)
    non_saturating.generator(discriminator(generator(z).detach())).mean().backward()
    assert all(p.grad is None for p in generator.parameters())
    non_saturating.generator(discriminator(generator(z))).mean().backward()
    assert all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_generator_that_descends_log_d_helps_to_be_caught(seed):
    wrong = mean_probability_after(lambda score: -softplus(-score), seed)
    right = mean_probability_after(lambda score: softplus(-score), seed)
    assert wrong < 0.02
    assert right > 5 * wrong


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_discriminator_scores_one_half_on_a_generator_that_finds_no_mode(seed):
    generator, _ = networks(seed)
    linear = nn.Sequential(nn.Linear(2, 1), Flatten())
    game = GAN(generator, linear, non_saturating, [penalty(r1)])
    for _ in Trainer(game, DATA, seed=seed, batch_size=128, optimiser=partial(torch.optim.SGD, lr=0.1)).steps(500):
        pass
    with torch.no_grad():
        fake = generator(Noise((seed, "judge"), 1024).normal("z", 8))
        assert abs(linear(fake).sigmoid().mean() - 0.5) < 0.005
    found = mode_coverage(fake, DATA.means, DATA.std)
    assert found.modes == 0
    assert mode_coverage(DATA(Noise((seed,), 1024)).x, DATA.means, DATA.std).modes == 8


def test_the_gradient_of_a_linear_discriminator_at_zero_compares_means_only():
    real, fake = DATA(Noise((0,), 4096)).x, torch.zeros(4096, 2) + torch.tensor([0.3, -0.2])
    linear = nn.Linear(2, 1)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    non_saturating.discriminator(linear(real)[:, 0], linear(fake)[:, 0]).mean().backward()
    torch.testing.assert_close(linear.weight.grad[0], (fake.mean(0) - real.mean(0)) / 2, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(linear.bias.grad, torch.zeros(1), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "line",
    [
        "bit-equal: True",
        "mean D(G(z)) = 0.001, mean log(1 − D(G(z))) = -0.001",
        "mean D(G(z)) = 0.000, 0 of 8 modes",
        "linear D: mean D(x) = 0.50, mean D(G(z)) = 0.50, 0 of 8 modes, share 0.00",
    ],
)
def test_the_page_prints_the_lines_that_other_pages_quote(line):
    notebook = nbformat.reads(checkout.text("book/02_gan_game.ipynb"), as_version=4)
    printed = "".join(o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream")
    assert line in printed.splitlines()
