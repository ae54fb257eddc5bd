"""Every objective against its paper's formula, written out in 120-digit decimals with none of torch's functions."""

import math
from decimal import Decimal, localcontext
from itertools import product

import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close

from gancourse.objectives import (
    Objective,
    label_smoothing,
    magan,
    minimax,
    non_saturating,
    objective,
    objectives,
    wasserstein,
)

ALL = objectives | {o.name: o for o in (magan(3.0),)}
EACH = pytest.mark.parametrize("name", ALL)
ZERO, ONE, TWO = Decimal(0), Decimal(1), Decimal(2)
STEP = Decimal("1e-15")


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def sigma(s):
    return ONE / (ONE + (-s).exp())


def each(on_real, on_fake):
    """A loss that is a mean over real samples plus a mean over generated ones."""
    return lambda real, fake: mean(map(on_real, real)) + mean(map(on_fake, fake))


def alone(on_fake):
    return lambda fake, real: mean(map(on_fake, fake))


def dual(activation, conjugate):
    """Nowozin et al. 2016: D, G of the saddle point, and G with the trick of section 3.2."""
    of_d = each(lambda v: -activation(v), lambda v: conjugate(activation(v)))
    return of_d, alone(lambda v: -conjugate(activation(v))), alone(lambda v: -activation(v))


# Table 2 of the paper: g_f(v) and f*(t). Pearson's f* is the supremum over u ≥ 0 of t u − (u − 1)².
F_GAN = {
    "kl": dual(lambda v: v, lambda t: (t - 1).exp()),
    "reverse-kl": dual(lambda v: -(-v).exp(), lambda t: -1 - (-t).ln()),
    "pearson": dual(lambda v: v, lambda t: t * t / 4 + t if t > -2 else -ONE),
    "hellinger": dual(lambda v: 1 - (-v).exp(), lambda t: t / (1 - t)),
    "js": dual(lambda v: TWO.ln() - (1 + (-v).exp()).ln(), lambda t: -(2 - t.exp()).ln()),
    "gan": dual(lambda v: -(1 + (-v).exp()).ln(), lambda t: -(1 - t.exp()).ln()),
}
BCE = each(lambda s: -sigma(s).ln(), lambda s: -(1 - sigma(s)).ln())


def pairs(loss):
    """Jolicoeur-Martineau 2019: loss of the difference, real above fake for D, fake above real for G."""
    return (
        lambda real, fake: mean(loss(r - f) for r, f in zip(real, fake, strict=True)),
        lambda fake, real: mean(loss(f - r) for r, f in zip(real, fake, strict=True)),
    )


def averages(on_high, on_low):
    """The same for averages: the first kind should lie above the mean of the second, the second below the first's."""

    def above(first, second):
        m1, m2 = mean(first), mean(second)
        return mean(on_high(a - m2) for a in first) + mean(on_low(b - m1) for b in second)

    return above, above


def partition(real, fake):
    return sum(s.exp() for s in [*real, *fake]).ln()


FORMULAS = {
    "minimax": (BCE, alone(lambda s: (1 - sigma(s)).ln())),
    "non-saturating": (BCE, alone(lambda s: -sigma(s).ln())),
    "least-squares": (each(lambda s: (s - 1) ** 2 / 2, lambda s: s**2 / 2), alone(lambda s: (s - 1) ** 2 / 2)),
    "hinge": (each(lambda s: max(ZERO, 1 - s), lambda s: max(ZERO, 1 + s)), alone(lambda s: -s)),
    "wasserstein": (each(lambda s: -s, lambda s: s), alone(lambda s: -s)),
    **{f"f-gan-{name}": (d, g) for name, (d, g, _) in F_GAN.items()},
    **{f"f-gan-{name}-trick": (d, g) for name, (d, _, g) in F_GAN.items()},
    "boundary-seeking": (BCE, alone(lambda s: (sigma(s).ln() - (1 - sigma(s)).ln()) ** 2 / 2)),
    "softmax": (
        # Lin 2017: cross-entropy of the batch's softmax with 1/n on each real sample, or 1/2n on every sample.
        lambda real, fake: -mean((s.exp() / partition(real, fake).exp()).ln() for s in real),
        lambda fake, real: -mean((s.exp() / partition(real, fake).exp()).ln() for s in [*real, *fake]),
    ),
    "ebgan": (each(lambda s: -s, lambda s: max(ZERO, 10 - -s)), alone(lambda s: -s)),
    "ebgan-margin-1": (each(lambda s: -s, lambda s: max(ZERO, 1 - -s)), alone(lambda s: -s)),
    "magan": (each(lambda s: -s, lambda s: max(ZERO, 3 - -s)), alone(lambda s: -s)),
    "label-smoothing": (
        each(
            lambda s: -Decimal("0.9") * sigma(s).ln() - Decimal("0.1") * (1 - sigma(s)).ln(),
            lambda s: -(1 - sigma(s)).ln(),
        ),
        alone(lambda s: -sigma(s).ln()),
    ),
    "relativistic-pairing": pairs(lambda d: -sigma(d).ln()),
    "relativistic-average": averages(lambda d: -sigma(d).ln(), lambda d: -(1 - sigma(d)).ln()),
    "relativistic-average-least-squares": averages(lambda d: (d - 1) ** 2, lambda d: (d + 1) ** 2),
    "relativistic-average-hinge": averages(lambda d: max(ZERO, 1 - d), lambda d: max(ZERO, 1 + d)),
}
SINGLES = [([r], [f]) for r, f in product([-50, 0, 50], repeat=2)]
BATCHES = [*SINGLES, ([-50, 50], [0, 50]), ([0, -50], [-50, 50]), ([0, 0], [0, 0]), ([3, -1], [-4, 2])]


def written_out(formula, *groups):
    """Value of a formula and its derivative in each score, by central differences of width 2·10⁻¹⁵ in 120 digits."""
    with localcontext() as context:
        context.prec = 120
        groups = [[Decimal(s) for s in group] for group in groups]
        slopes = []
        for group in groups:
            for i, at in enumerate(group):
                ends = []
                for sign in (1, -1):
                    group[i] = at + sign * STEP
                    ends.append(formula(*groups))
                group[i] = at
                slopes.append(float((ends[0] - ends[1]) / (2 * STEP)))
        return float(formula(*groups)), slopes


def of_torch(function, *groups, dtype=torch.float64):
    scores = [torch.tensor(group, dtype=dtype, requires_grad=True) for group in groups]
    loss = function(*scores).mean()
    found = torch.autograd.grad(loss, scores, allow_unused=True)
    slopes = torch.cat([torch.zeros_like(s) if g is None else g for g, s in zip(found, scores, strict=True)])
    return loss.detach(), slopes


def generator_of(chosen):
    """The generator's loss as a function of generated and real scores, whether it looks at the latter or not."""
    return chosen.generator if chosen.relative else lambda fake, real: chosen.generator(fake)


def test_every_objective_is_held_to_its_formula():
    assert set(FORMULAS) == set(ALL)


def slope_at_a_kink(name, player, real, fake):
    """Whether some hinge sits exactly at a corner, where either side's slope is right."""
    difference = name == "relativistic-average-hinge" and {abs(r - f) for r in real for f in fake} & {1}
    margin = name == "ebgan-margin-1" and player == "discriminator" and {-1} & {*fake}
    return difference or margin or (name == "hinge" and player == "discriminator" and {1, -1} & {*real, *fake})


@EACH
@pytest.mark.parametrize("player", ["discriminator", "generator"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_value_and_gradient_are_the_paper_s_also_at_scores_of_fifty(name, player, dtype):
    formula = FORMULAS[name][player == "generator"]
    function = ALL[name].discriminator if player == "discriminator" else generator_of(ALL[name])
    tolerance = {"rtol": 1e-10, "atol": 1e-13} if dtype == torch.float64 else {"rtol": 3e-6, "atol": 5e-6}
    for real, fake in BATCHES:
        if slope_at_a_kink(name, player, real, fake):
            continue
        groups = (real, fake) if player == "discriminator" else (fake, real)
        value, slopes = written_out(formula, *groups)
        got, got_slopes = of_torch(function, *groups, dtype=dtype)
        assert got.isfinite()
        assert got_slopes.isfinite().all()
        assert_close(got, torch.tensor(value, dtype=dtype), **tolerance)
        assert_close(got_slopes, torch.tensor(slopes, dtype=dtype), **tolerance)


# Where real and generated samples look alike, a constant score c is stationary for D if the slopes of a real and of
# a generated score cancel. By name: such scores, and G's slope there.
ANY = (-0.5, 0.0, 0.7)
FIXED = {
    "minimax": ((0.0,), -1 / 2),
    "non-saturating": ((0.0,), -1 / 2),
    "least-squares": ((0.5,), -1 / 2),
    "hinge": (ANY, -1),
    "wasserstein": (ANY, -1),
    "f-gan-kl": ((1.0,), -1),
    "f-gan-reverse-kl": ((0.0,), -1),
    "f-gan-pearson": ((0.0,), -1),
    "f-gan-hellinger": ((0.0,), -1),
    "f-gan-js": ((0.0,), -1 / 2),
    "f-gan-gan": ((0.0,), -1 / 2),
    "boundary-seeking": ((0.0,), 0),
    "softmax": (ANY, 0),
    "ebgan": (ANY, -1),
    "ebgan-margin-1": (ANY, -1),
    "magan": (ANY, -1),
    "label-smoothing": ((math.log(0.45 / 0.55),), -0.55),  # D's output is half the real label
    "relativistic-pairing": (ANY, -1 / 2),
    "relativistic-average": (ANY, -1),
    "relativistic-average-least-squares": (ANY, -4),
    "relativistic-average-hinge": (ANY, -2),
}
FIXED |= {f"{name}-trick": FIXED[name] for name in tuple(FIXED) if name.startswith("f-gan")}


@EACH
def test_the_fixed_point_is_where_the_theory_has_it(name):
    scores, slope_of_g = FIXED[name]
    for c in scores:
        _, slopes = of_torch(ALL[name].discriminator, [c], [c])
        assert_close(slopes.sum(), torch.tensor(0.0, dtype=torch.float64), rtol=0, atol=1e-9)
        _, of_g = of_torch(generator_of(ALL[name]), [c], [c])
        assert_close(of_g[0], torch.tensor(float(slope_of_g), dtype=torch.float64))
    if len(scores) == 1:  # and nowhere else: D pulls the score back from either side
        for shift in (-0.3, 0.3):
            _, slopes = of_torch(ALL[name].discriminator, [scores[0] + shift], [scores[0] + shift])
            assert slopes.sum().item() * shift > 0


RELATIVISTIC = [name for name in ALL if name.startswith("relativistic")]


@pytest.mark.parametrize("name", [*RELATIVISTIC, "softmax"])
def test_a_shift_of_all_scores_changes_nothing_that_is_relative(name):
    real, fake = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    chosen = ALL[name]
    assert_close(chosen.discriminator(real + 20, fake + 20), chosen.discriminator(real, fake))
    assert_close(chosen.generator(fake + 20, real + 20), chosen.generator(fake, real))


def looks_at_real(chosen):
    fake, real = torch.zeros(4), torch.linspace(-1, 1, 4).requires_grad_()
    loss = generator_of(chosen)(fake, real).sum()
    return loss.requires_grad and bool((torch.autograd.grad(loss, real)[0] != 0).all())


@EACH
def test_the_generator_of_a_relative_objective_and_of_no_other_looks_at_real_scores(name):
    assert looks_at_real(ALL[name]) == ALL[name].relative == (name in {*RELATIVISTIC, "softmax"})


def test_a_relativistic_generator_overwritten_by_the_plain_loss_is_found():
    # In one public repository the relativistic loss is computed and the next line assigns the plain one.
    broken = ALL["relativistic-pairing"]._replace(generator=lambda fake, real: softplus(-fake))
    assert not looks_at_real(broken)


def saturates(chosen):
    """Whether G's slope has vanished for a sample that D rejects at score −50."""
    return of_torch(chosen.generator, [-50.0])[1].abs().item() < 1e-3


def test_only_losses_that_saturate_by_design_do():
    plain = {name: o for name, o in ALL.items() if not o.relative}
    assert {name for name, o in plain.items() if saturates(o)} == {
        "minimax", "f-gan-kl", "f-gan-pearson", "f-gan-hellinger", "f-gan-js", "f-gan-gan",
    }  # fmt: skip


def test_a_non_saturating_loss_with_an_epsilon_in_the_logarithm_is_found_to_saturate():
    broken = Objective("broken", non_saturating.discriminator, lambda s: -(s.sigmoid() + 1e-8).log(), "")
    assert saturates(broken)


def is_linear(loss):
    r, f = torch.randn(2, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torch.allclose(loss(3 * r, 3 * f), 3 * loss(r, f)) and torch.allclose(loss(r + 1, f + 1), loss(r, f))


def test_the_wasserstein_loss_is_linear_and_the_hinge_that_goes_under_its_name_is_not():
    assert is_linear(objectives["wasserstein"].discriminator)
    assert not is_linear(objectives["hinge"].discriminator)


def test_f_gan_s_original_divergence_is_the_original_game_bit_for_bit():
    r, f = 10 * torch.randn(2, 64, generator=torch.Generator().manual_seed(0))
    for name, plain in (("f-gan-gan", minimax), ("f-gan-gan-trick", non_saturating)):
        assert torch.equal(ALL[name].generator(f), plain.generator(f))
        assert_close(ALL[name].discriminator(r, f), plain.discriminator(r, f))


def test_pearson_s_conjugate_has_no_branch_that_pushes_scores_down():
    # The parabola of the paper's table, left of its minimum at −2, would: G's slope would be positive there.
    slopes = of_torch(objectives["f-gan-pearson"].generator, [-50.0, -3.0, -2.5])[1]
    assert_close(slopes, torch.zeros(3, dtype=torch.float64))


def test_what_explodes_by_nature_is_finite_up_to_eighty_in_single_precision_and_infinite_beyond():
    kl = objectives["f-gan-kl"].discriminator
    assert kl(torch.zeros(1), torch.tensor([80.0])).isfinite()
    assert kl(torch.zeros(1), torch.tensor([100.0])).isinf()


def test_labels_of_one_and_zero_smooth_nothing_and_two_sided_labels_are_the_cross_entropy():
    r, f = 5 * torch.randn(2, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert_close(label_smoothing(1.0).discriminator(r, f), non_saturating.discriminator(r, f))
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    wanted = bce(r, torch.full_like(r, 0.8), reduction="none") + bce(f, torch.full_like(f, 0.3), reduction="none")
    assert_close(label_smoothing(0.8, 0.3, minimax).discriminator(r, f), wanted)
    assert label_smoothing(0.8, 0.3, minimax).generator is minimax.generator


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((0.0, 0.9), r"labels are real 0.0 and fake 0.9; expected 0 ≤ fake < real ≤ 1"),
        ((1.1, 0.0), "expected 0 ≤ fake < real ≤ 1"),
        ((0.9, 0.0, wasserstein), "the discriminator of 'wasserstein' doesn't minimise a cross-entropy"),
    ],
)
def test_labels_that_make_no_sense_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        label_smoothing(*labels)


def test_scores_that_don_t_pair_up_are_refused_by_the_softmax():
    with pytest.raises(ValueError, match=r"\(3,\) real and \(2,\) generated scores; pass equally many of each"):
        objectives["softmax"].discriminator(torch.zeros(3), torch.zeros(2))


def test_unknown_divergences_and_objectives_suggest_the_nearest():
    from gancourse.objectives import f_gan

    with pytest.raises(ValueError, match="f-divergence 'pearsen' not found; did you mean 'pearson'"):
        f_gan("pearsen")
    with pytest.raises(ValueError, match="did you mean 'relativistic-pairing'"):
        objective("relativistic-paring")


@EACH
def test_losses_have_one_value_a_sample(name):
    real, fake = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    assert ALL[name].discriminator(real, fake).shape == (5,)
    assert generator_of(ALL[name])(fake, real).shape == (5,)
