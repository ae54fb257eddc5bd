"""What every metric takes: tensors, NumPy arrays and lists, but not bytes beside floats."""

import numpy as np
import pytest
import torch

from gancourse import metrics
from gancourse.metrics.features import tensor

X = torch.randn(40, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 8
Y = torch.randn(36, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) / 8 + 0.1
UNIT = X.sigmoid(), Y.sigmoid()
A, B = torch.arange(40) % 2, torch.arange(36) % 2
IMAGES = (x.sigmoid().repeat(1, 27)[:, :64].reshape(-1, 1, 8, 8) for x in (X, Y))

TWO_SETS = {
    "wasserstein": (metrics.wasserstein, (X[:9], Y[:7])),
    "sliced_wasserstein": (metrics.sliced_wasserstein, (X, Y)),
    "frechet_distance": (metrics.frechet_distance, (X, Y)),
    "frechet_extrapolated": (metrics.frechet_extrapolated, (X, Y)),
    "kernel_distance": (metrics.kernel_distance, (X, Y)),
    "kernel_distance_subsets": (lambda x, y: metrics.kernel_distance_subsets(x, y, 5, 3).mean, (X, Y)),
    "precision_recall": (metrics.precision_recall, (X, Y)),
    "nearest_ratio": (lambda x, y: metrics.nearest_ratio(x, y, y, 9), (X, Y)),
    "bootstrap": (lambda x, y: metrics.bootstrap(metrics.kernel_distance, x, y, 10), (X, Y)),
    "factor_overlap": (lambda x, y: metrics.factor_overlap(x, y, [0, 2, 2]).tolist(), UNIT),
    "mode_coverage": (lambda x, y: metrics.mode_coverage(x, y, 0.1)[:2], (X, Y[:3])),
    "pyramid_distances": (lambda x, y: metrics.pyramid_distances(x, y, 1, 3), tuple(IMAGES)),
    "CollapseDetector": (lambda x, y: metrics.CollapseDetector(x, 2)(y)[:4], (X, Y)),
}
OTHERS = {
    "intra_class_frechet": (metrics.intra_class_frechet, (X, A, Y, B)),
    "intra_class_precision_recall": (metrics.intra_class_precision_recall, (X, A, Y, B)),
    "inception_score": (lambda x: metrics.inception_score(x, 2).mean, (X,)),
    "Statistics": (lambda x: metrics.Statistics.of(x).covariance.tolist(), (X,)),
    "label_agreement": (lambda a, b: metrics.label_agreement(a, b, 2).share, (A[:36], B.flip(0))),
    "code_purity": (lambda a, b: metrics.code_purity(a, b, 2, 2).share, (A[:36], B.flip(0))),
    "class_coverage": (lambda a: metrics.class_coverage(a, 3)[:2], (A,)),
}


@pytest.mark.parametrize("name", [*TWO_SETS, *OTHERS])
def test_arrays_and_lists_give_what_tensors_give(name):
    metric, sets = (TWO_SETS | OTHERS)[name]
    expected = metric(*sets)
    assert metric(*(x.numpy() for x in sets)) == expected
    assert metric(*(x.tolist() for x in sets)) == expected
    assert metric(*(x.numpy()[::-1] for x in sets)) == metric(*(x.flip(0) for x in sets))
    assert metric(sets[0], *(x.numpy() for x in sets[1:])) == expected


@pytest.mark.parametrize("name", TWO_SETS)
def test_bytes_are_not_compared_with_floats_but_with_bytes(name):
    metric, (x, y) = TWO_SETS[name]
    for sets in ((x > 0, y), (x, y > 0)):
        mixed = tuple((s * 200).to(torch.uint8) if s.dtype == torch.bool else s for s in sets)
        with pytest.raises(ValueError, match=r"is torch\.uint8 but \w+ is torch\.float64; bring both to one scale"):
            metric(*mixed)
    if name not in {"factor_overlap", "pyramid_distances"}:
        low, high = min(x.min(), y.min()), max(x.max(), y.max())
        whole = [(255 * (s - low) / (high - low)).to(torch.uint8) for s in (x, y)]
        assert metric(*whole) == metric(*(s.double() for s in whole))


@pytest.mark.parametrize("name", [*TWO_SETS, *OTHERS])
def test_what_is_no_array_of_numbers_is_refused(name):
    metric, sets = (TWO_SETS | OTHERS)[name]
    for nothing in ("words", [[1.0], [1.0, 2.0]], None):
        with pytest.raises(ValueError, match=r"is of type (str|list|NoneType) and no array of numbers; pass a tensor"):
            metric(nothing, *sets[1:])


def test_lists_keep_the_digits_of_python_s_floats():
    assert tensor([0.1], "x").dtype == torch.float64
    assert tensor(np.float32([0.1]), "x").dtype == torch.float32
