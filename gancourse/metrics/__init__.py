"""How good samples are: pure functions of samples or of feature matrices."""

from gancourse.metrics.collapse import CollapseDetector, Variety
from gancourse.metrics.frechet import frechet_distance, label
from gancourse.metrics.modes import Coverage, mode_coverage

__all__ = ["CollapseDetector", "Coverage", "Variety", "frechet_distance", "label", "mode_coverage"]
