"""Check of chapter 5's feature matching: the squared distance between two mean feature vectors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from gancourse.checks.losses import hold_to_slopes
from gancourse.checks.probe import Case, Mistake, examine
from gancourse.checks.registry import exercise
from gancourse.checks.verdict import Wrong

NAME = "feature_matching"


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
        "That takes the mean of all numbers, batch and features alike: one feature can't be told from another. Give "
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


def _cases(*batches: tuple[int, int, int]) -> list[Case]:
    """Features of real and of generated samples, in unequal numbers if asked for."""
    cases = []
    for dtype in (torch.float64, torch.float32):
        for k, (n_real, n_fake, n_features) in enumerate(batches):
            draws = torch.Generator().manual_seed(10 + k)
            real = torch.randn(n_real, n_features, generator=draws, dtype=torch.float64) + 0.5
            fake = 2 * torch.randn(n_fake, n_features, generator=draws, dtype=torch.float64) - 0.25
            cases.append(
                Case(
                    {
                        "features_real": real.round(decimals=1).to(dtype),
                        "features_fake": fake.round(decimals=1).to(dtype),
                    },
                    "random features",
                )
            )
    return cases


@exercise("ex-05-feature-matching", "05_training_problems", f"{NAME}(features_real, features_fake)", points=1)
def check_feature_matching(function: Callable) -> str:
    """The squared distance between the batch means of features."""
    cases = _cases((4, 4, 2), (6, 6, 5), (3, 3, 3), (16, 16, 4))
    examine(NAME, function, cases, feature_matching, MISTAKES)
    unequal = [c._replace(about="batches of different sizes") for c in _cases((6, 3, 4), (2, 9, 3))]
    try:
        examine(NAME, function, unequal, feature_matching)
    except Wrong as wrong:
        raise Wrong(f"{wrong}. Batches of one size come out right, others don't: take the mean of each first") from None
    x = torch.tensor([[1.0, 2.0], [3.0, -4.0]])
    equal = Case({"features_real": x, "features_fake": x.flip(0)}, "means that are equal")
    hold_to_slopes(
        NAME,
        function,
        [*cases, *unequal, equal],
        feature_matching,
        free=("features_real",),
        hint="The generator learns from this gradient: no detach of the fake features, and no square root to be "
        "squared again (its slope at 0 is infinite)",
    )
    return "Equal and unequal batches, the gradient that reaches the generator, single and double precision."
