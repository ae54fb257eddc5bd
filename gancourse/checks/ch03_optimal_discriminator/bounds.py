"""Checks of the f-GAN bound and of the optimal logit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.ranges import EachSample
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def kl_conjugate(t: Tensor) -> Tensor:
    """f*(t) = exp(t − 1), of f(u) = u log u."""
    return (t - 1).exp()


def pearson_conjugate(t: Tensor) -> Tensor:
    """f*(t) = t²/4 + t, of f(u) = (u − 1)²."""
    return t.square() / 4 + t


def gan_conjugate(t: Tensor) -> Tensor:
    """f*(t) = −log(1 − exp t), t < 0, of the GAN's f."""
    return -torch.log1p(-t.exp())


Conjugate = Callable[[Tensor], Tensor]


def f_gan_bound(t_real: Tensor, t_fake: Tensor, conjugate: Conjugate) -> Tensor:
    """The right answer of ex-03-fgan-bound, sample by sample."""
    real = sum(t for t in t_real.double()) / len(t_real)
    fake = sum(conjugate(t) for t in t_fake.double()) / len(t_fake)
    return torch.as_tensor(real - fake).to(t_real.dtype)


def _bound_cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        example = {"t_real": torch.tensor([2.0, 0.0], dtype=dtype), "t_fake": torch.tensor([1.0], dtype=dtype)}
        cases.append(Case(example | {"conjugate": kl_conjugate}, "the task's example"))
        real = torch.tensor([-0.5, -1.5, -0.25, -2.0], dtype=dtype)
        fake = torch.tensor([-2.5, -0.75, -1.25, -3.0], dtype=dtype)
        for conjugate in (kl_conjugate, pearson_conjugate, gan_conjugate):
            cases.append(Case({"t_real": real, "t_fake": fake, "conjugate": conjugate}, "equal batches"))
            args = {"t_real": real, "t_fake": fake[:2], "conjugate": conjugate}
            cases.append(Case(args, "batches of 4 real and 2 fake samples"))
    return cases


def _swept_bounds() -> list[Case]:
    """Up to 60 real and 60 fake samples, critics of both signs where the conjugate takes them."""
    cases = []
    for k in range(18):
        n, m = sizes(k, 60, 60)
        conjugate = (kl_conjugate, pearson_conjugate, gan_conjugate)[k % 3]
        t = [3 * drawn(k, n), 3 * drawn(k + 50, m)]
        if conjugate is gan_conjugate:
            t = [-x.abs() - 0.01 for x in t]
        t = [x.to(PRECISIONS[k % 2]) for x in t]
        args = {"t_real": t[0], "t_fake": t[1], "conjugate": conjugate}
        cases.append(Case(args, f"{n} real and {m} fake samples"))
    return cases


BOUND_MISTAKES = [
    Mistake(
        lambda real, fake, star: real.mean() - fake.mean(),
        "That leaves the conjugate out, mean T(real) − mean T(fake): a bound for no f-divergence but total variation.",
    ),
    Mistake(
        lambda real, fake, star: star(real).mean() - fake.mean(),
        "That applies the conjugate f* to the real samples; it belongs to the fake ones.",
    ),
    Mistake(
        lambda real, fake, star: star(real).mean() - star(fake).mean(),
        "That applies the conjugate f* to both; the real samples enter as T(x) itself.",
    ),
    Mistake(
        lambda real, fake, star: real.mean() + star(fake).mean(),
        "That adds the second term; the bound subtracts it.",
    ),
    Mistake(
        lambda real, fake, star: star(fake).mean() - real.mean(),
        "That is minus the bound: a loss for the critic, which ascends the bound itself.",
    ),
    Mistake(
        lambda real, fake, star: fake.mean() - star(real).mean(),
        "That has real and fake swapped: it bounds D_f(p_g‖p_data), another divergence unless f is symmetric.",
    ),
    Mistake(
        lambda real, fake, star: real.mean() - star(fake.mean()),
        "That is f* of the mean; take the mean of f*. f* is convex, so by Jensen yours is too high: no bound.",
    ),
    Mistake(
        lambda real, fake, star: real.median() - star(fake).mean(),
        "That takes the median of the real values; an expectation is a mean.",
    ),
    Mistake(
        lambda real, fake, star: real.sum() - star(fake).sum(),
        "That sums over the batch; an expectation is a mean, and batches may differ in size.",
    ),
    Mistake(
        lambda real, fake, star: (real.sum() - star(fake).sum()) / len(real),
        "That divides both sums by the number of real samples; take each mean by itself.",
    ),
]


def optimal_logit(log_p_data: Tensor, log_p_g: Tensor) -> Tensor:
    """The right answer of ex-03-optimal-logit, in double precision and by another sum than the obvious one."""
    return -(log_p_g.double().sub(log_p_data.double())).to(log_p_data.dtype)


def _log_cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        values = {
            "the task's example": ([0.0, -1000.0], [-2.0, -1003.0]),
            "log densities near 0": ([-1.0, -0.5, 0.25], [-2.0, -0.5, 1.5]),
            "log densities of ±50": ([50.0, -50.0, -40.0], [-50.0, 50.0, -50.0]),
            "log densities whose exponential is 0": ([-1000.0, -1200.0, -1e5], [-1010.0, -1150.0, -1e5]),
            "densities of images, above 1": ([2000.0, 1500.0, 30.0], [1990.0, 1600.0, 40.0]),
        }
        for about, (p, q) in values.items():
            cases.append(
                Case({"log_p_data": torch.tensor(p, dtype=dtype), "log_p_g": torch.tensor(q, dtype=dtype)}, about)
            )
        x = torch.linspace(-3, 3, 12, dtype=dtype).view(3, 4)
        cases.append(Case({"log_p_data": -x.square(), "log_p_g": -(x - 1).square() / 4}, "a grid of shape [3, 4]"))
    return cases


def _swept_logs() -> list[Case]:
    """Log densities between −100,000 and 2000, in any pairs."""
    cases = []
    for dtype in PRECISIONS:
        grid = torch.cat([-(10 ** torch.linspace(5, -3, 40)), 2000 * torch.linspace(0, 1, 40)]).to(dtype)
        pairs = torch.cartesian_prod(grid, grid)
        cases.append(Case({"log_p_data": pairs[:, 0], "log_p_g": pairs[:, 1]}, "log densities of every size"))
    return cases


def _d(p: Tensor, q: Tensor) -> Tensor:
    return p.exp() / (p.exp() + q.exp())


LOGIT_MISTAKES = [
    Mistake(
        lambda p, q: (p.exp() / q.exp()).log(),
        "That exponentiates first, log(exp a / exp b): the exponentials become 0 or ∞. The logarithm of a ratio is a "
        "difference of logarithms.",
    ),
    Mistake(
        lambda p, q: torch.log(_d(p, q) / (1 - _d(p, q))),
        "That forms D* from the densities and takes its log-odds: D* rounds to 0, 1 or 0/0 on the way.",
    ),
    Mistake(
        lambda p, q: torch.logit((p - q).sigmoid()),
        "That squashes the logit to D* and takes torch.logit to come back: D* has rounded to 1 in between.",
    ),
    Mistake(
        lambda p, q: q - p,
        "That has the two densities swapped: high scores must go where the data is, at p_data > p_g.",
    ),
    Mistake(
        lambda p, q: (p - q).sigmoid(),
        "That is D* = σ(logit), a probability. The course's scores are logits: leave the sigmoid out.",
    ),
    Mistake(lambda p, q: (p - q).exp(), "That is the density ratio p_data / p_g; its logarithm is asked for."),
    Mistake(
        lambda p, q: p - torch.logaddexp(p, q),
        "That is log D*, the logarithm of a probability; the logit is log D* − log(1 − D*).",
    ),
    Mistake(lambda p, q: p + q, "That is the logarithm of the product p_data · p_g; the logit belongs to the ratio."),
    Mistake(lambda p, q: p / q, "That divides the logarithms; the logarithm of a ratio is their difference."),
    *[
        Mistake(
            lambda p, q, e=e: ((p.exp() + e) / (q.exp() + e)).log(),
            f"That adds ε = {e:g} to densities: any two that are smaller come out equal.",
        )
        for e in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
    ],
    *[
        Mistake(
            lambda p, q, e=e: (p.exp() + e).log() - (q.exp() + e).log(),
            f"That adds ε = {e:g} to densities: any two that are smaller come out equal.",
        )
        for e in (1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
    ],
]


F_GAN_BOUND = Exercise(
    "ex-03-fgan-bound",
    "f_gan_bound(t_real, t_fake, conjugate)",
    points=1,
    steps=[
        Values(_bound_cases, f_gan_bound, BOUND_MISTAKES),
        Values(_swept_bounds, f_gan_bound, hint=OF_EVERY_KIND),
        NoSideEffects(_bound_cases),
    ],
    description="Conjugates of KL, Pearson and the GAN's divergence, batches of equal and unequal size.",
)

OPTIMAL_LOGIT = Exercise(
    "ex-03-optimal-logit",
    "optimal_logit(log_p_data, log_p_g)",
    points=1,
    steps=[
        Values(_log_cases, optimal_logit, LOGIT_MISTAKES),
        EachSample(_swept_logs, optimal_logit, OF_EVERY_KIND, with_gradient=False),
        NoSideEffects(_log_cases),
    ],
    description="Log densities from -1e+05 to 2000, in single and double precision.",
)
