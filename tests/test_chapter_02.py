"""Claims of chapter 2 (the GAN game) that no test of the package makes."""

import re
from copy import deepcopy
from functools import partial

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
from gancourse.theory.optimum import criterion, value_monte_carlo
from gancourse.theory.quadrature import box
from gancourse.training import Trainer, adam
from gancourse.widgets import recording
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


def play(generator_loss, seed, n_steps=100):
    """Both networks after a game in which G minimises that function of its scores; None: it stands still."""
    generator, discriminator = networks(seed)
    game = GAN(generator, discriminator, non_saturating)

    def terms(_, noise):
        return {"loss": generator_loss(discriminator(generator(game.latents(noise))))}

    forger = [] if generator_loss is None else [Player("generator", generator, terms)]
    players = Players(game.players[0], *forger)
    for _ in Trainer(players, DATA, seed=seed, optimiser=adam(3e-3)).steps(n_steps):
        pass
    return generator, discriminator


@torch.no_grad()
def mean_probability(generator, discriminator, seed):
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
def test_descending_log_d_lowers_the_score_and_ascending_raises_it_while_d_is_held_still(seed):
    generator, discriminator = play(lambda score: softplus(-score), seed, n_steps=300)
    before = mean_probability(generator, discriminator, seed)
    for sign in (-1, 1):
        mine = deepcopy(generator)
        optimiser = torch.optim.SGD(mine.parameters(), lr=0.05)
        for step in range(10):
            score = discriminator(mine(Noise((seed, "sign"), 128, step).normal("z", 8)))
            optimiser.zero_grad()
            (sign * softplus(-score)).mean().backward()
            optimiser.step()
        assert sign * (mean_probability(mine, discriminator, seed) - before) > 0


@pytest.mark.parametrize("seed", [0, 1])
def test_a_game_with_the_wrong_sign_ends_like_one_in_which_the_generator_stands_still(seed):
    wrong = mean_probability(*play(lambda score: -softplus(-score), seed), seed)
    still = mean_probability(*play(None, seed), seed)
    right = mean_probability(*play(lambda score: softplus(-score), seed), seed)
    assert max(wrong, still) < 0.02
    assert 0.5 < wrong / still < 2
    assert right > 5 * wrong


def test_the_two_losses_agree_in_direction_and_differ_in_size_by_the_odds_if_scores_are_equal():
    weights = torch.randn(3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = torch.ones(5, 3, dtype=torch.float64)
    gradients = []
    for objective in (minimax, non_saturating):
        w = weights.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(objective.generator(x @ w - 4).mean(), w)
        gradients.append(gradient)
    p = (weights.sum() - 4).sigmoid()
    torch.testing.assert_close(gradients[1], gradients[0] * (1 - p) / p)


def test_only_the_minimax_players_gradients_in_the_generators_weights_cancel():
    fake = torch.linspace(-3, 3, 7, dtype=torch.float64).requires_grad_()
    (of_d,) = torch.autograd.grad(non_saturating.discriminator(torch.zeros_like(fake), fake).sum(), fake)
    for objective, cancels in ((minimax, True), (non_saturating, False)):
        (of_g,) = torch.autograd.grad(objective.generator(fake).sum(), fake)
        assert torch.allclose(of_d + of_g, torch.zeros_like(fake)) == cancels


def test_points_all_over_the_square_find_every_mode_with_hardly_a_good_sample():
    cloud = 6 * Noise((0, "cloud"), 4096).uniform("x", 2) - 3
    found = mode_coverage(cloud, DATA.means, DATA.std)
    expected = 8 * torch.pi * (3 * DATA.std) ** 2 / 36
    assert found.modes == 8
    assert abs(found.share - expected) < 4 * (expected / 4096) ** 0.5


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


@pytest.mark.parametrize(("centre", "lowest", "highest"), [((0.0, 0.0), 0.48, 0.52), ((2.0, 0.0), 0.1, 0.3)])
def test_without_r1_a_linear_discriminator_still_says_one_half_of_the_centre_and_less_of_one_cluster(
    centre, lowest, highest
):
    linear = nn.Sequential(nn.Linear(2, 1), Flatten())
    optimiser = torch.optim.SGD(linear.parameters(), lr=0.1)
    for update in range(500):
        noise = Noise((0, "heap"), 128, update)
        heap = torch.tensor(centre) + DATA.std * noise.normal("heap", 2)
        optimiser.zero_grad()
        (softplus(-linear(DATA(noise).x)) + softplus(linear(heap))).mean().backward()
        optimiser.step()
    with torch.no_grad():
        assert lowest < linear(heap).sigmoid().mean() < highest
    assert mode_coverage(heap, DATA.means, DATA.std).share > 0.9 or centre == (0.0, 0.0)


@pytest.mark.parametrize("by", [0.1, 0.2])
def test_the_best_discriminators_value_on_samples_is_twice_the_divergence_less_log_4(by):
    move, noise = torch.tensor([by, 0.0]), Noise((0, "test"), 4096)
    real, fake = DATA(noise).x, DATA(noise.fold_in("fake")).x + move

    def best(x):
        return DATA.log_density(x) - DATA.log_density(x - move)

    estimate = value_monte_carlo(best(real), best(fake))
    exact = criterion(DATA.log_density, lambda x: DATA.log_density(x - move.to(x)), box((-3, -3), (3, 3), 401))
    assert abs(estimate.value - exact.item()) < 4 * estimate.standard_error


def test_what_is_said_of_the_recording_is_what_it_holds():
    game = recording("ring")
    by_step = {
        step: (modes, share)
        for (step, _), modes, share in zip(game.frames, game.curves["modes"], game.curves["share"], strict=True)
    }
    text = checkout.text("book/src/02_gan_game.md")
    assert f"{100 * by_step[1500][1]:.0f} % of its points land in a cluster" in text
    assert "back to step 175" in text
    assert "Nineteen crosses in twenty miss" in text
    assert by_step[175][0] == 8
    assert round(20 * (1 - by_step[175][1])) == 19


def test_the_plan_of_minutes_is_the_slides_own():
    minutes = list(map(int, re.findall(r"^Minute (\d+)\.", checkout.text("book/src/02_gan_game.md"), re.M)))
    assert minutes == sorted(set(minutes))
    guide = checkout.text("book/instructor.md").split("### Chapter 2,")[1].split("### Chapter 3,")[0]
    plan = [tuple(map(int, row)) for row in re.findall(r"^\| (\d+)–(\d+) \|", guide, re.M)]
    assert [start for start, _ in plan] == [0, *(end for _, end in plan[:-1])], "without gaps"
    assert plan[-1][1] == 80, "ten minutes are left for questions"
    slides_end = plan[-1][0]
    assert {start for start, _ in plan[:-1]} <= set(minutes)
    assert f"The slides take {slides_end} minutes" in guide
    assert slides_end - 3 <= minutes[-1] < slides_end
