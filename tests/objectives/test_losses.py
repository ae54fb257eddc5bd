import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy
from torch.testing import assert_close

from gancourse.objectives import hinge, least_squares, minimax, non_saturating, objective, objectives, wasserstein

# The five plain ones; test_formulas.py holds every objective to its paper.
PLAIN = (minimax, non_saturating, least_squares, hinge, wasserstein)
EACH = pytest.mark.parametrize("name", [o.name for o in PLAIN])


def sigmoid(s):
    return 1 / (1 + math.exp(-s))


def minus_log_sigmoid(s):
    """−log σ(s), to full precision on both sides."""
    return math.log1p(math.exp(-s)) if s > 0 else -s + math.log1p(math.exp(s))


# Each loss as a closed form of one score: value and derivative, written with the standard library's functions alone.
# By name: D's loss on a real score, D's loss on a generated score, G's loss on a generated score.
CROSS_ENTROPY = (
    (minus_log_sigmoid, lambda s: -sigmoid(-s)),
    (lambda s: minus_log_sigmoid(-s), sigmoid),
)
HINGE = ((lambda s: max(0, 1 - s), lambda s: -1.0 * (s < 1)), (lambda s: max(0, 1 + s), lambda s: 1.0 * (s > -1)))
CRITIC = ((lambda s: -s, lambda s: -1.0), (lambda s: s, lambda s: 1.0))
CLOSED = {
    "minimax": (*CROSS_ENTROPY, (lambda s: -minus_log_sigmoid(-s), lambda s: -sigmoid(s))),
    "non-saturating": (*CROSS_ENTROPY, CROSS_ENTROPY[0]),
    "least-squares": (
        (lambda s: (s - 1) ** 2 / 2, lambda s: s - 1),
        (lambda s: s**2 / 2, lambda s: s),
        (lambda s: (s - 1) ** 2 / 2, lambda s: s - 1),
    ),
    "hinge": (*HINGE, CRITIC[0]),
    "wasserstein": (*CRITIC, CRITIC[0]),
}
SCORES = [-50.0, -3.0, 0.0, 0.7, 50.0]
TOLERANCE = {torch.float32: 2e-6, torch.float64: 1e-12}


def with_gradient(function, *values, dtype):
    scores = [torch.tensor([v], dtype=dtype, requires_grad=True) for v in values]
    loss = function(*scores)
    return loss.detach(), torch.autograd.grad(loss.sum(), scores)


def exactly(value, like):
    return torch.tensor([value], dtype=like.dtype)


@EACH
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("real", SCORES)
@pytest.mark.parametrize("fake", SCORES)
def test_discriminator_s_loss_and_gradient_are_the_closed_form(name, real, fake, dtype):
    loss, (slope_real, slope_fake) = with_gradient(objectives[name].discriminator, real, fake, dtype=dtype)
    (value_r, derivative_r), (value_f, derivative_f), _ = CLOSED[name]
    tolerance = {"rtol": TOLERANCE[dtype], "atol": 0}
    assert_close(loss, exactly(value_r(real) + value_f(fake), loss), **tolerance)
    assert_close(slope_real, exactly(derivative_r(real), loss), **tolerance)
    assert_close(slope_fake, exactly(derivative_f(fake), loss), **tolerance)


@EACH
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("fake", SCORES)
def test_generator_s_loss_and_gradient_are_the_closed_form(name, fake, dtype):
    loss, (slope,) = with_gradient(objectives[name].generator, fake, dtype=dtype)
    value, derivative = CLOSED[name][2]
    assert_close(loss, exactly(value(fake), loss), rtol=TOLERANCE[dtype], atol=0)
    assert_close(slope, exactly(derivative(fake), loss), rtol=TOLERANCE[dtype], atol=0)


@EACH
@pytest.mark.parametrize("size", [1e4, 1e30])
def test_no_score_is_so_large_that_a_gradient_is_lost_to_nan(name, size):
    for sign in (-1, 1):
        for function, n in ((objectives[name].discriminator, 2), (objectives[name].generator, 1)):
            _, slopes = with_gradient(function, *[sign * size] * n, dtype=torch.float32)
            assert all(slope.isfinite().all() for slope in slopes)


def test_the_formula_with_a_sigmoid_in_it_is_infinite_where_ours_is_finite():
    s = torch.tensor([50.0])
    assert -(1 - s.sigmoid()).log() == math.inf
    assert_close(minimax.generator(s), torch.tensor([-50.0]))


@pytest.mark.parametrize("chosen", [minimax, non_saturating], ids=lambda o: o.name)
def test_goodfellow_s_discriminator_is_torch_s_binary_cross_entropy(chosen):
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0)) * 5
    expected = cross_entropy(real, torch.ones(64), reduction="none")
    expected = expected + cross_entropy(fake, torch.zeros(64), reduction="none")
    assert_close(chosen.discriminator(real, fake), expected)


def test_goodfellow_s_generators_are_torch_s_binary_cross_entropy():
    fake = torch.randn(64, generator=torch.Generator().manual_seed(0)) * 5
    assert_close(minimax.generator(fake), -cross_entropy(fake, torch.zeros(64), reduction="none"))
    assert_close(non_saturating.generator(fake), cross_entropy(fake, torch.ones(64), reduction="none"))


def test_minimax_saturates_where_the_non_saturating_loss_pushes_hardest():
    (_, (saturated,)), (_, (steep,)) = (
        with_gradient(o.generator, -50.0, dtype=torch.float64) for o in (minimax, non_saturating)
    )
    assert 0 < -saturated < 1e-21
    assert_close(steep, exactly(-1.0, steep))


@pytest.mark.parametrize("chosen", [minimax, wasserstein], ids=lambda o: o.name)
def test_a_zero_sum_generator_minimises_minus_what_the_discriminator_does(chosen):
    # What is left of the sum belongs to real scores alone.
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    left = chosen.discriminator(real, fake) + chosen.generator(fake)
    assert_close(left, chosen.discriminator(real, torch.zeros(64)) + chosen.generator(torch.zeros(64)))


@pytest.mark.parametrize("chosen", [non_saturating, least_squares, hinge], ids=lambda o: o.name)
def test_the_other_games_are_not_zero_sum(chosen):
    real, fake = torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    left = chosen.discriminator(real, fake) + chosen.generator(fake)
    assert (left - chosen.discriminator(real, torch.zeros(64)) - chosen.generator(torch.zeros(64))).abs().max() > 0.1


@EACH
def test_generators_want_higher_scores_and_discriminators_want_them_apart(name):
    s = torch.linspace(0.05, 0.95, 10)  # where least squares, too, has its targets on either side
    assert (objectives[name].generator(s).diff() < 0).all()
    assert (objectives[name].discriminator(s, torch.zeros(10)).diff() < 0).all()
    assert (objectives[name].discriminator(torch.zeros(10), s).diff() > 0).all()


@pytest.mark.parametrize(
    ("chosen", "best"),
    [
        (minimax, lambda p, q: math.log(p / q)),
        (non_saturating, lambda p, q: math.log(p / q)),
        (least_squares, lambda p, q: p / (p + q)),
        (hinge, lambda p, q: math.copysign(1, p - q)),
    ],
    ids=lambda o: getattr(o, "name", ""),
)
@pytest.mark.parametrize(("p", "q"), [(0.3, 0.7), (0.9, 0.2), (1.5, 1.4)])
def test_the_best_score_at_a_point_is_the_theorem_s(chosen, best, p, q):
    s = torch.linspace(-4, 4, 8001, dtype=torch.float64)
    nothing = torch.zeros_like(s)
    # The loss of a real score alone plus that of a generated one alone, each less what the zeros add.
    on_real = chosen.discriminator(s, nothing) - chosen.discriminator(nothing, nothing)
    on_fake = chosen.discriminator(nothing, s)
    found = s[(p * on_real + q * on_fake).argmin()].item()
    assert abs(found - best(p, q)) <= 1e-3


@EACH
def test_losses_are_per_sample(name):
    real, fake = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    chosen, order = objectives[name], torch.randperm(9, generator=torch.Generator().manual_seed(1))
    whole = chosen.discriminator(real, fake)
    assert whole.shape == chosen.generator(fake).shape == (9,)
    assert_close(chosen.discriminator(real[order], fake[order]), whole[order])
    assert_close(torch.stack([chosen.discriminator(r, f) for r, f in zip(real, fake, strict=True)]), whole)
    assert_close(torch.stack([chosen.generator(f) for f in fake]), chosen.generator(fake))


@EACH
def test_an_objective_is_found_by_its_name_and_says_where_it_is_from(name):
    assert objective(name) is objectives[name]
    assert objective(name).name == name
    assert any(f"{year}" in objective(name).source for year in (2014, 2017, 2018))


def test_an_unknown_objective_suggests_the_nearest():
    with pytest.raises(ValueError, match="objective 'hings' not found; did you mean 'hinge'"):
        objective("hings")
