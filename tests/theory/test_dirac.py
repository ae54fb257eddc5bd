import math

import pytest
import torch
from torch import nn
from torch.optim import SGD
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, View, penalty
from gancourse.games.consensus import Consensus
from gancourse.games.constraints import weight_clipping
from gancourse.games.unrolled import Unrolled
from gancourse.games.views import instance_noise
from gancourse.objectives import Objective, gradient_penalty, minimax, non_saturating, r1, r2, wasserstein
from gancourse.rng import Noise
from gancourse.theory import dirac
from gancourse.theory.fields import alternating, eigenvalues, game_field, jacobian, rate, simultaneous, trajectory
from gancourse.training import Trainer

ORIGIN = torch.zeros(2, dtype=torch.float64)
SWAP = [1, 0]  # the package's players are the discriminator and then the generator
POINTS = [(1.0, -1.0), (0.3, 2.0), (-1.7, 0.4), (0.5, 0.5), (-2.0, -1.5)]


class Point(nn.Module):
    """G(z) = θ, whatever z."""

    latent_size = 1

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([[theta]], dtype=torch.float64))

    def forward(self, z):
        return self.theta.expand(len(z), 1)


class Line(nn.Module):
    """D(x) = ψ x."""

    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x):
        return self.psi * x[:, 0]


def steep_penalty(critic, real, fake, epsilon):
    """The package's penalty wants slope 1 and has no ½."""
    return gradient_penalty(critic, real, fake, epsilon) / 2


NODES, WEIGHTS = dirac.normal_rule(64)


def weighted(objective):
    """The objective whose mean over a batch of quadrature nodes is the integral."""
    w = len(WEIGHTS) * WEIGHTS
    return Objective(
        "weighted",
        lambda real, fake: w * objective.discriminator(real, fake),
        lambda fake: w * objective.generator(fake),
        "",
    )


def at_nodes(real, fake, noise):
    return tuple(batch._replace(x=batch.x + 0.7 * NODES[:, None]) for batch in (real, fake))


NOISY = View(at_nodes)
CLIP = weight_clipping(1.0)
GAMES = {
    "GAN": lambda G, D: GAN(G, D, minimax),
    "NSGAN": lambda G, D: GAN(G, D, non_saturating),
    "WGAN": lambda G, D: GAN(G, D, wasserstein, constraint=CLIP),
    "WGAN-GP": lambda G, D: GAN(G, D, wasserstein, [penalty(steep_penalty, 0.7)]),
    "instance noise": lambda G, D: GAN(G, D, weighted(minimax), views=[NOISY]),
    "R1": lambda G, D: GAN(G, D, minimax, [penalty(r1, 0.3)]),
    "R2": lambda G, D: GAN(G, D, minimax, [penalty(r2, 0.3)]),
    "consensus": lambda G, D: Consensus(GAN(G, D, minimax), 1.0),
    "unrolled": lambda G, D: Unrolled(GAN(G, D, minimax), 5, 0.2),
}


def data(noise):
    return Batch(torch.zeros(noise.n, 1, dtype=torch.float64))


def package_field(name):
    noise = Noise((0,), len(NODES))
    return game_field(GAMES[name](Point(1.0), Line(-1.0)), data(noise), noise)


def test_every_method_has_a_game_of_the_package_to_be_compared_with():
    assert set(GAMES) == set(dirac.methods)


@pytest.mark.parametrize("name", GAMES)
def test_the_field_is_that_of_the_package_s_game(name):
    theory, package = dirac.method(name).field, package_field(name)
    for point in POINTS:
        at = torch.tensor(point, dtype=torch.float64)
        assert_close(package(at[SWAP])[SWAP], theory(at), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_the_jacobian_is_that_of_the_package_s_game(name):
    theory, package = dirac.method(name).field, package_field(name)
    for point in POINTS[:3]:
        at = torch.tensor(point, dtype=torch.float64)
        assert_close(jacobian(package, at[SWAP])[SWAP][:, SWAP], jacobian(theory, at), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", GAMES)
def test_the_package_s_trainer_takes_the_alternating_path(name):
    G, D = Point(1.0), Line(-1.0)
    trainer = Trainer(GAMES[name](G, D), data, batch_size=len(NODES), optimiser=lambda w: SGD(w, lr=0.2))
    expected = trajectory(dirac.step(dirac.method(name).field, "alternating"), dirac.start(), 20)
    for _, point in zip(trainer.steps(20), expected[1:], strict=True):
        assert_close([G.theta.item(), D.psi.item()], point.tolist(), rtol=1e-9, atol=1e-12)


def test_five_to_one_steps_are_those_of_a_game_with_five_critic_updates():
    G, D = Point(1.0), Line(-1.0)
    trainer = Trainer(GAN(G, D, minimax, n_critic=5), data, batch_size=2, optimiser=lambda w: SGD(w, lr=0.2))
    expected = trajectory(dirac.step(dirac.gan().field, "5:1"), dirac.start(), 10)
    for _ in trainer.steps(10):
        pass
    assert_close([G.theta.item(), D.psi.item()], expected[-1].tolist(), rtol=1e-9, atol=1e-12)


class Doubles(Noise):
    def normal(self, name, *shape, **rows):
        return super().normal(name, *shape, **rows).double()


def test_the_package_s_sampled_instance_noise_has_the_integral_as_its_mean_and_a_stronger_noise_has_not():
    # 100 batches of 1000, seeds fixed beforehand: false alarms 1e-6 per coordinate. The twin's noise is 0.7 × 1.2.
    at = torch.tensor([0.5, 1.5], dtype=torch.float64)
    expected = dirac.instance_noise(0.7).field(at)

    def deviation(std):
        game = GAN(Point(1.0), Line(1.0), minimax, views=[instance_noise(std)])
        drawn = [game_field(game, data(n), n)(at[SWAP])[SWAP] for n in (Doubles((k,), 1000) for k in range(100))]
        drawn = torch.stack(drawn)
        return ((drawn.mean(0) - expected) / (drawn.std(0) / 10)).abs().max().item()

    assert deviation(0.7) < 5
    assert deviation(0.84) > 5


@pytest.mark.parametrize("name", [n for n in dirac.methods if n != "WGAN-GP"])
def test_eigenvalues_at_the_equilibrium_are_the_closed_form_s(name):
    chosen = dirac.method(name)
    expected = torch.tensor(chosen.eigenvalues, dtype=torch.complex128)
    assert_close(eigenvalues(chosen.field, ORIGIN), expected, rtol=0, atol=1e-10)
    assert_close(chosen.field(ORIGIN), ORIGIN)


@pytest.mark.parametrize("make", [dirac.r1, dirac.r2, dirac.consensus, dirac.instance_noise])
@pytest.mark.parametrize("strength", [0.05, 0.6, 0.9, 1.3, 2.5])
def test_eigenvalues_are_the_closed_form_s_at_other_strengths(make, strength):
    chosen = make(strength)
    expected = torch.tensor(chosen.eigenvalues, dtype=torch.complex128)
    assert_close(eigenvalues(chosen.field, ORIGIN), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("n_unrolled", "eta"), [(0, 0.2), (1, 0.1), (3, 0.5), (10, 0.3)])
def test_unrolling_acts_like_a_penalty_of_half_its_reach(n_unrolled, eta):
    chosen = dirac.unrolled(n_unrolled, eta)
    found = eigenvalues(chosen.field, ORIGIN)
    assert_close(found, torch.tensor(chosen.eigenvalues, dtype=torch.complex128), rtol=0, atol=1e-10)
    assert_close(found, eigenvalues(dirac.r1(n_unrolled * eta / 2).field, ORIGIN), rtol=0, atol=1e-10)


def test_the_critical_penalty_found_by_bisection_is_one():
    low, high = 0.1, 3.0
    for _ in range(60):
        middle = (low + high) / 2
        turns = eigenvalues(dirac.r1(middle).field, ORIGIN).imag.abs().max().item() > 0
        low, high = (middle, high) if turns else (low, middle)
    assert_close(low, 1.0, rtol=0, atol=1e-10)


def test_simultaneous_steps_have_the_spectral_radius_of_one_plus_h_lambda():
    for name in ("GAN", "R1", "instance noise", "consensus", "unrolled"):
        chosen = dirac.method(name)
        expected = max(abs(1 + 0.2 * z) for z in chosen.eigenvalues)
        assert_close(rate(simultaneous(chosen.field, 0.2), ORIGIN), expected)


def test_alternating_steps_without_a_penalty_keep_the_modulus_at_one_up_to_a_step_of_four():
    updates = dirac.steppings["alternating"]
    for h, inside in ((0.2, True), (3.9, True), (4.1, False)):
        assert (rate(alternating(dirac.gan().field, h, updates), ORIGIN) < 1 + 1e-6) == inside


PUBLISHED = {"GAN": 3.10, "NSGAN": 0.64, "WGAN": 1.00, "WGAN-GP": 1.80, "R1": 2.6e-6}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_distance_after_the_published_number_of_steps_is_that_of_an_independent_run(name):
    points = trajectory(dirac.step(dirac.method(name).field), dirac.start(), dirac.N_STEPS)
    assert_close(dirac.distances(points)[-1].item(), PUBLISHED[name], rtol=0.017, atol=0)


def test_consensus_reaches_the_independent_run_s_distance_only_with_its_halved_term():
    def notebook(point):
        theta, psi = point
        s = torch.sigmoid(theta * psi)
        bend = (theta**2 + psi**2) * (1 - s) / 2
        return torch.stack(
            [psi * s - s**2 * (theta + bend * psi), -theta * s - s**2 * (psi + bend * theta)],
        )

    exact = dirac.consensus(1.0).field
    halved = type(exact)(notebook, dirac.PLAYERS)
    far = [dirac.distances(trajectory(dirac.step(f), dirac.start(), 500))[-1].item() for f in (halved, exact)]
    assert_close(far, [2.08e-10, 2.58e-10], rtol=0.01, atol=0)


def test_gauss_hermite_nodes_integrate_powers_of_a_normal_variable():
    nodes, weights = dirac.normal_rule(20)
    for power in range(0, 20, 2):
        exact = math.prod(range(1, power, 2))
        assert_close((weights * nodes**power).sum().item(), float(exact), rtol=1e-10, atol=1e-10)
        assert_close((weights * nodes ** (power + 1)).sum().item(), 0.0, rtol=0, atol=1e-6 * exact)


def test_more_nodes_do_not_change_the_noisy_field():
    at = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert_close(dirac.instance_noise(0.7, 64).field(at), dirac.instance_noise(0.7, 200).field(at), rtol=1e-6, atol=0)


def path(radius):
    steps = torch.arange(4001, dtype=torch.float64)
    turn = steps / 10
    return radius(steps)[:, None] * torch.stack([turn.cos(), turn.sin()], 1)


@pytest.mark.parametrize(
    ("radius", "expected"),
    [
        (lambda n: torch.ones_like(n), "cycles"),
        (lambda n: 0.6 + 0.8 * 0.99**n, "cycles"),  # towards a limit cycle
        (lambda n: 1 + 0.3 * (n / 7).sin(), "cycles"),
        (lambda n: 0.98**n, "converges linearly"),
        (lambda n: 0.9995**n, "converges linearly"),  # far from done after 4000 steps
        (lambda n: 1e-16 + 0.9**n, "converges linearly"),  # at the rounding errors' floor
        (lambda n: (1 + n) ** -0.5, "converges sublinearly"),
        (lambda n: (1 + n) ** -1.0, "converges sublinearly"),
        (lambda n: (10 + n) ** -0.25, "converges sublinearly"),
        (lambda n: 1.001**n, "diverges"),
        (lambda n: (1 + n).log(), "diverges"),
        (lambda n: 1e9 ** (n / 20), "diverges"),
    ],
)
def test_the_verdict_on_a_known_spiral(radius, expected):
    points = path(radius)
    assert dirac.verdict(points + (points[0] == 0).all() * 1e-3) == expected


def test_a_trajectory_that_comes_to_rest_elsewhere_stalls():
    steps = torch.arange(4001, dtype=torch.float64)
    points = torch.stack([2 + 0.99**steps, torch.zeros_like(steps)], 1)
    assert dirac.verdict(points) == "stalls"


@pytest.mark.parametrize(
    ("name", "stepping", "expected"),
    [
        ("GAN", "simultaneous", "diverges"),
        ("GAN", "alternating", "cycles"),
        ("NSGAN", "simultaneous", "cycles"),
        ("NSGAN", "alternating", "converges sublinearly"),
        ("WGAN", "alternating", "cycles"),
        ("WGAN-GP", "simultaneous", "cycles"),
        ("R1", "simultaneous", "converges linearly"),
        ("consensus", "5:1", "diverges"),
    ],
)
def test_the_verdict_on_a_method(name, stepping, expected):
    points = trajectory(dirac.step(dirac.method(name).field, stepping), dirac.start(), 4000)
    assert dirac.verdict(points) == expected


def test_the_distance_of_the_gan_grows_in_every_simultaneous_step():
    # v is perpendicular to (θ, ψ): |p + hv|² = |p|² + h²|v|².
    far = dirac.distances(trajectory(dirac.step(dirac.gan().field), dirac.start(), 1000))
    assert (far.diff() > 0).all()


def test_too_short_trajectories_and_those_that_never_start_are_refused():
    with pytest.raises(ValueError, match="has 999 steps; a verdict needs at least 1000"):
        dirac.verdict(torch.ones(1000, 2))
    with pytest.raises(ValueError, match="starts at the equilibrium"):
        dirac.verdict(torch.zeros(2000, 2))


def test_unknown_methods_and_steppings_are_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="method 'r1' not found; did you mean 'R1'"):
        dirac.method("r1")
    with pytest.raises(ValueError, match="stepping 'alternate' not found; did you mean 'alternating'"):
        dirac.step(dirac.gan().field, "alternate")
