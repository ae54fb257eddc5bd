"""Metrics of sample quality: pure functions of samples or of feature matrices.

All of them take tensors, NumPy arrays or lists of numbers.
"""

from gancourse.metrics.classes import (
    Agreement,
    Purity,
    code_purity,
    intra_class_precision_recall,
    label_agreement,
)
from gancourse.metrics.collapse import CollapseDetector, Variety
from gancourse.metrics.equivariance import translated, translation_equivariance
from gancourse.metrics.estimates import Estimate, Interval, bootstrap
from gancourse.metrics.factors import factor_overlap
from gancourse.metrics.frechet import Extrapolation, frechet_distance, frechet_extrapolated, intra_class_frechet
from gancourse.metrics.inception import inception_score
from gancourse.metrics.kernel import kernel_distance, kernel_distance_subsets
from gancourse.metrics.labels import label
from gancourse.metrics.memorisation import Memorisation, nearest_ratio
from gancourse.metrics.modes import ClassCoverage, Coverage, class_coverage, mode_coverage
from gancourse.metrics.moments import Moments, Statistics
from gancourse.metrics.neighbours import PrecisionRecall, precision_recall
from gancourse.metrics.patches import pyramid_distances
from gancourse.metrics.path_length import perceptual_path_length
from gancourse.metrics.transport import sliced_wasserstein, wasserstein
from gancourse.metrics.widths import Widths, mode_widths

__all__ = [
    "Agreement",
    "ClassCoverage",
    "CollapseDetector",
    "Coverage",
    "Estimate",
    "Extrapolation",
    "Interval",
    "Memorisation",
    "Moments",
    "PrecisionRecall",
    "Purity",
    "Statistics",
    "Variety",
    "Widths",
    "bootstrap",
    "class_coverage",
    "code_purity",
    "factor_overlap",
    "frechet_distance",
    "frechet_extrapolated",
    "inception_score",
    "intra_class_frechet",
    "intra_class_precision_recall",
    "kernel_distance",
    "kernel_distance_subsets",
    "label",
    "label_agreement",
    "mode_coverage",
    "mode_widths",
    "nearest_ratio",
    "perceptual_path_length",
    "precision_recall",
    "pyramid_distances",
    "sliced_wasserstein",
    "translated",
    "translation_equivariance",
    "wasserstein",
]
