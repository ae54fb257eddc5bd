"""Check of the memorisation test: are samples nearer to the training set than to images never trained on?"""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, sizes


def _distances(x: Tensor, y: Tensor) -> Tensor:
    return (x[:, None] - y[None]).square().sum(2).sqrt()


def _nearest(x: Tensor, y: Tensor) -> Tensor:
    """Distance of each x to its nearest y, [x]."""
    return _distances(x, y).amin(1)


def nearest_ratio(train: Tensor, test: Tensor, generated: Tensor) -> Tensor:
    """The right answer of ex-08-nearest-ratio."""
    return (_nearest(generated, train) / _nearest(generated, test)).median()


MISTAKES = [
    Mistake(
        lambda a, b, g: (_nearest(g, b) / _nearest(g, a)).median(),
        "That is the distance to the test set over that to the training set, the wrong way round: a memoriser, whose "
        "distance to the training set is 0, should get 0.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(b, a) / _nearest(b, g)).median(),
        "That starts from each test image; it is the *generated* samples whose neighbours are looked up.",
    ),
    Mistake(
        lambda a, b, g: _nearest(g, a).median(),
        "That is the distance to the training set alone. How small is small? Only images that the generator can't have "
        "seen tell: divide by the distance to the test set.",
    ),
    Mistake(
        lambda a, b, g: _nearest(g, b).median(),
        "That is the distance to the test set alone, the wrong split: a generator can only have memorised what it was "
        "trained on.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, b) / _nearest(g, b)).median(),
        "That takes the same split for both distances, so that every generator gets 1.",
    ),
    Mistake(
        lambda a, b, g: _nearest(g, a).median() / _nearest(g, b).median(),
        "That is the ratio of two medians; each sample has its own ratio, and the median comes last.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, a) / _nearest(g, b)).mean(),
        "That is the mean of the ratios, which one sample close to a test image can make as large as it likes: take "
        "the median.",
    ),
    Mistake(
        lambda a, b, g: _nearest(g, a).mean() / _nearest(g, b).mean(),
        "That is the ratio of two means; each sample has its own ratio, and the median of those is wanted.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, a) / _nearest(g, b)).square().median(),
        "That is the ratio of squared distances: take the root, or use torch.cdist.",
    ),
    Mistake(
        lambda a, b, g: (
            (g[:, None] - a[None]).abs().sum(2).amin(1) / (g[:, None] - b[None]).abs().sum(2).amin(1)
        ).median(),
        "That sums absolute differences; distances are Euclidean.",
    ),
    Mistake(
        lambda a, b, g: (_distances(g, a).mean(1) / _distances(g, b).mean(1)).median(),
        "That takes the mean distance to a set; what has been copied shows in the *nearest* image only.",
    ),
    Mistake(
        lambda a, b, g: (_distances(g, a).amax(1) / _distances(g, b).amax(1)).median(),
        "That takes the farthest image of each set; take the nearest.",
    ),
    Mistake(
        lambda a, b, g: _nearest(a, g).median() / _nearest(b, g).median(),
        "That asks how near each real image is to the samples (the other axis), and the ratio is of two medians: "
        "whether an image was *reached* is recall. Start from each generated sample.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, a) < _nearest(g, b)).to(g.dtype).mean(),
        "That is the share of samples that are nearer to the training set; the median ratio is asked for.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, a) / _nearest(g, b)).min(),
        "That is the smallest ratio, the most suspicious sample; the median is asked for.",
    ),
    Mistake(
        lambda a, b, g: _nearest(g, a) / _nearest(g, b),
        "That is one ratio per sample: return their median.",
    ),
    Mistake(
        lambda a, b, g: (_nearest(g, a) - _nearest(g, b)).median(),
        "That is a difference of distances, which has the features' unit: divide.",
    ),
]


def _cases() -> list[Case]:
    cases = []
    for dtype in PRECISIONS:
        hand = {"train": [[0.0, 0.0], [10.0, 0.0]], "test": [[0.0, 4.0], [10.0, 8.0]]}
        hand["generated"] = [[0.0, 1.0], [10.0, 2.0], [0.0, 3.0]]
        cases.append(
            Case(
                {k: torch.tensor(v, dtype=dtype) for k, v in hand.items()},
                "three samples, whose ratios are 1/3, 1/3 and 3",
            )
        )
        for seed, (n, m, g, d) in enumerate([(8, 8, 7, 3), (15, 6, 11, 2), (5, 9, 5, 4)]):
            draws = torch.Generator().manual_seed(60 + seed)
            a, b, c = (torch.randn(k, d, generator=draws, dtype=torch.float64).to(dtype) for k in (n, m, g))
            cases.append(Case({"train": a, "test": b, "generated": c}, "random features"))
        copies = a[[0, 2, 4, 1, 3]]
        cases.append(Case({"train": a, "test": b, "generated": copies}, "a memoriser: the answer is 0"))
    return cases


def _swept() -> list[Case]:
    """Up to 50 images each, in double precision beyond 25, and 12 features, nearer to either set."""
    cases = []
    for k in range(16):
        is_single = k % 4 == 3
        n, m, g, d = sizes(k, *[25 if is_single else 50] * 3, 12)
        g += 1 - g % 2  # the median of an even number of ratios has two definitions
        train, test = drawn(k, n, d) + k % 3, drawn(k + 50, m, d) - k % 5
        args = {"train": train, "test": test, "generated": drawn(k + 80, g, d) + k % 7 - 3}
        args = {key: value.float() if is_single else value for key, value in args.items()}
        cases.append(Case(args, f"{n}, {m} and {g} images with {d} features"))
    return cases


NEAREST_RATIO = Exercise(
    "ex-08-nearest-ratio",
    "nearest_ratio(train, test, generated)",
    points=1,
    steps=[
        Values(_cases, nearest_ratio, MISTAKES),
        Values(_swept, nearest_ratio, hint=OF_EVERY_KIND),
        NoSideEffects(_cases, with_gradient=False),
    ],
    description="By hand, random sets of unequal sizes, and a memoriser, in single and double precision.",
)
