"""Right and wrong posteriors of DDPM: means, variances, and what counts as the step before."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import tolerant
from gancourse.checks.engine.comparison import Mistake, single_precision

ONE = torch.ones((), dtype=torch.float64)


class Step(NamedTuple):
    """Numbers of one step: β_t and α_t, and ᾱ now and before.

    Args:
        beta: β_t.
        alpha: 1 − β_t.
        now: ᾱ_t.
        before: ᾱ_{t−1}.
        t: the time.
    """

    beta: Tensor
    alpha: Tensor
    now: Tensor
    before: Tensor
    t: int


Mean = Callable[[Step, Tensor, Tensor], Tensor]
"""Of a step, x and x0."""
Variance = Callable[[Step], Tensor]


def _step(t: int, betas: Tensor) -> Step:
    betas = betas.double()
    return Step(betas[t], 1 - betas[t], (1 - betas[: t + 1]).prod(), (1 - betas[:t]).prod(), t)


def _mean(s: Step, x: Tensor, x0: Tensor) -> Tensor:
    return s.before.sqrt() * s.beta / (1 - s.now) * x0 + s.alpha.sqrt() * (1 - s.before) / (1 - s.now) * x


def _variance(s: Step) -> Tensor:
    return s.beta * (1 - s.before) / (1 - s.now)


def _pair(
    mean: Mean, variance: Variance, step: Callable[[int, Tensor], Step], x: Tensor, x0: Tensor, t: int, betas: Tensor
) -> tuple[Tensor, Tensor]:
    s = step(t, betas)
    return mean(s, x.double(), x0.double()).to(x.dtype), variance(s).to(x.dtype)


def posterior(x: Tensor, x0: Tensor, t: int, betas: Tensor) -> tuple[Tensor, Tensor]:
    """The right answer."""
    return _pair(_mean, _variance, _step, x, x0, t, betas)


def _other_step(before: Callable[[Tensor, int], Tensor]) -> Callable[[int, Tensor], Step]:
    def step(t: int, betas: Tensor) -> Step:
        alpha_bars = torch.cumprod(1 - betas.double(), 0)
        return _step(t, betas)._replace(before=before(alpha_bars, t))

    return step


def _later(t: int, betas: Tensor) -> Step:
    return _step(min(t + 1, len(betas) - 1), betas)


def _one_based(t: int, betas: Tensor) -> Step:
    return _step(max(t - 1, 0), betas)


def _without_bars(t: int, betas: Tensor) -> Step:
    alphas = 1 - betas.double()
    return Step(betas.double()[t], alphas[t], alphas[t], alphas[t - 1] if t else ONE, t)


MEANS: list[tuple[Mean, str]] = [
    (
        lambda s, x, x0: (
            s.before.sqrt() * s.beta / (1 - s.now) * x + s.alpha.sqrt() * (1 - s.before) / (1 - s.now) * x0
        ),
        "In the mean x and x0 are exchanged: √ᾱ_{t−1} β_t belongs to x0.",
    ),
    (
        lambda s, x, x0: (s.now.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean x0 has the factor √ᾱ_t; it is √ᾱ_{t−1}, of the step before.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta * x0 + s.now.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean x has the factor √ᾱ_t; it is √α_t, without a bar.",
    ),
    (
        lambda s, x, x0: (s.alpha.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean x0 has the factor √α_t; it is √ᾱ_{t−1}, with a bar.",
    ),
    (
        lambda s, x, x0: (s.before * s.beta * x0 + s.alpha * (1 - s.before) * x) / (1 - s.now),
        "In the mean both square roots are missing.",
    ),
    (
        lambda s, x, x0: (s.before * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean the root of ᾱ_{t−1} is missing.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta * x0 + s.alpha * (1 - s.before) * x) / (1 - s.now),
        "In the mean the root of α_t is missing.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta.sqrt() * x0 + s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean β_t has a root; only ᾱ_{t−1} has one.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) * x,
        "In the mean the division by 1 − ᾱ_t is missing.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) / (1 - s.now) * x,
        "In the mean only the part of x is divided by 1 − ᾱ_t; both are.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * s.beta / (1 - s.now) * x0 + s.alpha.sqrt() * (1 - s.before) * x,
        "In the mean only the part of x0 is divided by 1 − ᾱ_t; both are.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now).sqrt(),
        "The mean is divided by √(1 − ᾱ_t); divide by 1 − ᾱ_t.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta * x0 + s.alpha.sqrt() * (1 - s.now) * x) / (1 - s.now),
        "In the mean x has 1 − ᾱ_t above the line; it is 1 − ᾱ_{t−1}.",
    ),
    (
        lambda s, x, x0: (s.before.sqrt() * s.beta * x0 - s.alpha.sqrt() * (1 - s.before) * x) / (1 - s.now),
        "In the mean the part of x is subtracted; add it.",
    ),
    (
        lambda s, x, x0: (x - s.beta / (1 - s.now).sqrt() * x0) / s.alpha.sqrt(),
        "The mean is that of a predicted *noise*, with x0 in its place; here x0 is the data.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * x0,
        "The mean is that of q(x_{t−1} | x_0), which doesn't look at x_t.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * x0 + (1 - s.before).sqrt() * x,
        "The mean noises x0 with x in the place of noise.",
    ),
    (
        lambda s, x, x0: s.before.sqrt() * x0 + ((1 - s.before) / (1 - s.now)).sqrt() * (x - s.now.sqrt() * x0),
        "The mean is a step of DDIM without noise; DDPM's posterior has a variance, and another mean.",
    ),
    (lambda s, x, x0: s.alpha.sqrt() * x0, "The mean is √α_t x0, one step forward."),
    (lambda s, x, x0: s.alpha.sqrt() * x, "The mean is √α_t x, one step forward; q(x_t | x_{t−1}) goes the other way."),
    (lambda s, x, x0: x0, "The mean is x0 at all times; that holds at t = 0 alone."),
    (lambda s, x, x0: s.before.sqrt() * s.beta / (1 - s.now) * x0, "In the mean the part of x is missing."),
    (lambda s, x, x0: s.alpha.sqrt() * (1 - s.before) / (1 - s.now) * x, "In the mean the part of x0 is missing."),
    (lambda s, x, x0: _mean(s, x, x0).clamp(-1, 1), "The mean is clipped to ±1; a state may be larger."),
    (lambda s, x, x0: _mean(s, x, x0.clamp(-1, 1)), "x0 is clipped to ±1; take it as it is."),
    (lambda s, x, x0: _mean(s, x, x0) if s.t else x, "At t = 0 the mean is x; it is x0, the data."),
    (lambda s, x, x0: _mean(s, x, x0).mean(), "The mean is averaged over the batch; it is a mean of a distribution."),
]
VARIANCES: list[tuple[Variance, str]] = [
    (
        lambda s: s.beta,
        "The variance is β_t, which DDPM may draw with as well; the posterior's own is β̃_t, smaller, and 0 at t = 0.",
    ),
    (
        lambda s: s.beta if s.t else 0 * s.beta,
        "The variance is β_t after the first time, and 0 there; the posterior's own is β̃_t at every time.",
    ),
    (lambda s: s.beta * (1 - s.before), "The variance lacks its division by 1 − ᾱ_t: it is (1 − ᾱ_{t−1}) β_t."),
    (lambda s: s.beta / (1 - s.now), "The variance lacks its factor 1 − ᾱ_{t−1}: it is β_t / (1 − ᾱ_t)."),
    (lambda s: (1 - s.before) / (1 - s.now), "The variance lacks its factor β_t."),
    (lambda s: s.beta * (1 - s.now) / (1 - s.before), "The variance's fraction is upside down."),
    (lambda s: s.beta * s.before / s.now, "The variance has ᾱ where 1 − ᾱ belongs."),
    (lambda s: _variance(s).sqrt(), "That is the deviation, the root of the variance."),
    (lambda s: _variance(s).square(), "The variance is squared."),
    (lambda s: s.beta.square() * (1 - s.before) / (1 - s.now), "In the variance β_t is squared."),
    (lambda s: s.beta.sqrt() * (1 - s.before) / (1 - s.now), "In the variance β_t has a root."),
    (lambda s: (1 - s.beta) * (1 - s.before) / (1 - s.now), "The variance has α_t in the place of β_t."),
    (lambda s: s.beta * ((1 - s.before) / (1 - s.now)).sqrt(), "The variance's fraction has a root too many."),
    (lambda s: _variance(s).log(), "That is the logarithm of the variance."),
    (lambda s: _variance(s).clamp(min=1e-20).log(), "That is the logarithm of the variance, cut at 1e-20."),
    (lambda s: 1 / _variance(s), "That is the precision, 1 over the variance."),
    (lambda s: 1 - s.now, "The variance is 1 − ᾱ_t, that of q(x_t | x_0)."),
    (lambda s: 1 - s.before, "The variance is 1 − ᾱ_{t−1}, that of q(x_{t−1} | x_0)."),
    (lambda s: 0 * s.beta, "The variance is 0 at all times; that holds at t = 0 alone."),
    (lambda s: _variance(s) if s.t else s.beta, "At t = 0 the variance is β; the data is known, it is 0."),
]
EARLIER = [
    (
        _other_step(lambda a, t: a[max(t - 1, 0)]),
        "At t = 0 the step before has ᾱ_0 again; before the first time there is data, ᾱ = 1.",
    ),
    (
        _other_step(lambda a, t: a[t - 1]),
        "At t = 0 the index t − 1 is −1, the *last* of the table; before the first time there is data, ᾱ = 1.",
    ),
    (_other_step(lambda a, t: a[t]), "ᾱ of the step before is that of the step itself; take ᾱ[t − 1]."),
    (_other_step(lambda a, t: a[min(t + 1, len(a) - 1)]), "ᾱ is that of the step after; take ᾱ[t − 1]."),
    (_other_step(lambda a, t: ONE), "ᾱ of the step before is always 1; it is so before the first time alone."),
    (_other_step(lambda a, t: a[t - 1] if t else 0 * ONE), "Before the first time ᾱ is 0; there is data, ᾱ = 1."),
    (_later, "All numbers are those of the next time; t counts from 0."),
    (_one_based, "All numbers are those of the time before; t counts from 0, as the table does."),
    (_without_bars, "The α have no bars: ᾱ_t is the product of all α up to t."),
]
MISTAKES = [
    *(Mistake(partial(_pair, _mean, _variance, step), message) for step, message in EARLIER),
    *(Mistake(partial(_pair, mean, _variance, _step), message) for mean, message in MEANS),
    *(Mistake(partial(_pair, _mean, variance, _step), message) for variance, message in VARIANCES),
    Mistake(tolerant(lambda *args: tuple(reversed(posterior(*args)))), "Mean and variance are exchanged."),
    Mistake(lambda x, x0, t, b: posterior(x0, x, t, b), "x and x0 are exchanged: `x` is the first argument."),
    *(
        Mistake(
            lambda x, x0, t, b, shaped=shaped: (posterior(x, x0, t, b)[0], shaped(posterior(x, x0, t, b)[1], x)),
            message,
        )
        for shaped, message in (
            (lambda v, x: v.view(1), "The variance has the shape [1]; it is a single number, of shape []."),
            (lambda v, x: v.expand(x.shape), "The variance has x's shape; it is a single number, of shape []."),
            (lambda v, x: v.expand(len(x)), "The variance is repeated for each sample; it is a single number."),
            (
                lambda v, x: v.view(*[1] * x.ndim),
                "The variance has as many axes as x; it is a single number, of shape [].",
            ),
        )
    ),
    *(
        Mistake(partial(_pair, mean, variance, _step), f"{of_mean} {of_variance}")
        for mean, of_mean in MEANS
        for variance, of_variance in VARIANCES
    ),
    *(
        Mistake(partial(_pair, _mean, variance, step), f"{of_step} {of_variance}")
        for step, of_step in EARLIER
        for variance, of_variance in VARIANCES
    ),
    single_precision(posterior),
]
