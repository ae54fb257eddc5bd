"""Check of feature matching: the squared distance between two mean feature vectors."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def _gap(real: Tensor, fake: Tensor) -> Tensor:
    return real.mean(0) - fake.mean(0)


def feature_matching(features_real: Tensor, features_fake: Tensor) -> Tensor:
    """The right answer of ex-05-feature-matching."""
    return _gap(features_real, features_fake).square().sum()


MISTAKES = [
    Mistake(
        lambda real, fake: (real - fake).square().sum(1).mean(),
        "That is the mean over pairs of ‖f(x_i) − f(G(z_i))‖²: it asks each generated sample to equal the real sample "
        "that happens to stand in the same row. Take the means first, then their difference.",
    ),
    Mistake(
        mse_loss,
        "That is mse_loss of the features themselves, row against row: no row of the one batch belongs to a row of the "
        "other. Take the means over the batch first.",
    ),
    Mistake(
        lambda real, fake: (real - fake).square().sum(),
        "That sums the squares over all pairs of rows; take the means over the batch first.",
    ),
    Mistake(
        lambda real, fake: (real - fake).square().sum(1),
        "That is one distance for each pair of rows. The batches are compared as wholes: one number.",
    ),
    Mistake(
        lambda real, fake: _gap(real, fake).norm(),
        "That is the norm of the difference without its square.",
    ),
    Mistake(
        lambda real, fake: _gap(real, fake).square().mean(),
        "That is the mean over the features (mse_loss of the means); ‖·‖² is the sum over them.",
    ),
    Mistake(lambda real, fake: _gap(real, fake).abs().sum(), "That is the sum of absolute differences (L1)."),
    Mistake(lambda real, fake: _gap(real, fake).square(), "That is one square per feature: sum them to one number."),
    Mistake(lambda real, fake: _gap(real, fake), "That is the difference of the means itself: square it, and sum."),
    Mistake(
        lambda real, fake: _gap(real, fake).sum().square(),
        "That squares the sum of the differences, in which features cancel; sum the squares.",
    ),
    Mistake(
        lambda real, fake: (real.mean(1) - fake.mean(1)).square().sum(),
        "That takes the mean over the features, axis 1; the mean is over the batch, axis 0.",
    ),
    Mistake(
        lambda real, fake: (real.mean(1) - fake.mean(1)).square().mean(),
        "That takes the mean over the features, axis 1, then over the batch: exchange the two, and sum the squares.",
    ),
    Mistake(
        lambda real, fake: (real.mean() - fake.mean()).square(),
        "That takes the mean of all numbers, batch and features alike: the features can't be distinguished. Give "
        ".mean() the axis 0.",
    ),
    Mistake(
        lambda real, fake: (real.sum(0) - fake.sum(0)).square().sum(),
        "That sums over the batch instead of averaging: it grows with the square of the batch size.",
    ),
    Mistake(
        lambda real, fake: real.mean(0).square().sum() - fake.mean(0).square().sum(),
        "That is the difference of two squared norms: means of the same length but of other directions would match.",
    ),
    Mistake(
        lambda real, fake: (real.median(0).values - fake.median(0).values).square().sum(),
        "That compares medians; an expectation is replaced by a mean.",
    ),
    Mistake(lambda *a: feature_matching(*a) / 2, "That has a factor ½; there is none."),
    Mistake(lambda *a: -feature_matching(*a), "That is negative: minimising it drives the means apart."),
    Mistake(
        lambda real, fake: feature_matching(real, fake).expand(len(fake)),
        "That repeats the number for each sample; here the answer is a single number, shape [].",
    ),
    Mistake(
        lambda real, fake: feature_matching(real, fake).view(1, 1),
        "That has the right number in the shape [1, 1]: leave `keepdim` out, and the answer has shape [].",
    ),
    Mistake(
        lambda real, fake: _gap(real, fake).square().sum().view(1),
        "That has the right number in the shape [1]; the answer has shape [].",
    ),
    Mistake(
        lambda real, fake: feature_matching(real, fake) + (real.var(0) - fake.var(0)).square().sum(),
        "That matches the variances too; feature matching compares means only.",
    ),
]


def _batches(about: str, *sizes: tuple[int, int, int]) -> list[Case]:
    """Features of so many real and so many generated samples."""
    cases = []
    for dtype in PRECISIONS:
        for k, (n_real, n_fake, n_features) in enumerate(sizes):
            draws = torch.Generator().manual_seed(10 + k)
            real = torch.randn(n_real, n_features, generator=draws, dtype=torch.float64) + 0.5
            fake = 2 * torch.randn(n_fake, n_features, generator=draws, dtype=torch.float64) - 0.25
            features = {"features_real": real, "features_fake": fake}
            cases.append(Case({name: x.round(decimals=1).to(dtype) for name, x in features.items()}, about))
    return cases


_equal_sizes = partial(_batches, "random features", (4, 4, 2), (6, 6, 5), (3, 3, 3), (16, 16, 4))
_other_sizes = partial(_batches, "batches of different sizes", (6, 3, 4), (2, 9, 3))


def _example() -> list[Case]:
    real, fake = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[0.0, 1.0], [0.0, -1.0]])
    return [
        Case({"features_real": real.to(dtype), "features_fake": fake.to(dtype)}, "the task's example")
        for dtype in PRECISIONS
    ]


def _swept() -> list[Case]:
    """Up to 80 and 80 samples, and 60 features, near each other and far."""
    cases = []
    for k in range(16):
        n, m, d = sizes(k, 80, 80, 60)
        real, fake = drawn(k, n, d) + 10 ** (k % 4 - 2), (1 + k % 3) * drawn(k + 50, m, d)
        args = {"features_real": real.to(PRECISIONS[k % 2]), "features_fake": fake.to(PRECISIONS[k % 2])}
        cases.append(Case(args, f"{n} and {m} samples with {d} features"))
    return cases


def _all_cases() -> list[Case]:
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    equal_means = Case({"features_real": x, "features_fake": x.flip(0)}, "means that are equal")
    return [*_equal_sizes(), *_other_sizes(), *_example(), equal_means]


UNEQUAL = "Batches of one size come out right, others don't: take the mean of each first"
GENERATOR_LEARNS = (
    "The generator learns from this gradient: no detach of the fake features, and no square root to be squared again "
    "(its derivative at 0 is infinite)"
)
FEATURE_MATCHING = Exercise(
    "ex-05-feature-matching",
    "feature_matching(features_real, features_fake)",
    points=1,
    steps=[
        Values(lambda: [*_equal_sizes(), *_example()], feature_matching, MISTAKES),
        Values(_other_sizes, feature_matching, hint=UNEQUAL),
        Gradients(_all_cases, feature_matching, free=["features_real"], hint=GENERATOR_LEARNS),
        Values(_swept, feature_matching, hint=OF_EVERY_KIND),
        NoSideEffects(_all_cases),
    ],
    description="Equal and unequal batches, the gradient that reaches the generator, single and double precision.",
)
