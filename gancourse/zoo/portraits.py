"""How samples of faces are judged: by the factors that a regressor reads from them."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import one_hot

from gancourse import data, metrics
from gancourse.data import Source, faces
from gancourse.zoo.classes import classes_by
from gancourse.zoo.extractors import Extractor, extractor
from gancourse.zoo.storage import load

N_TEST = 2000


def factors_of(images: Tensor, regressor: str = "faces-regressor") -> Tensor:
    """Factors that the zoo's regressor reads from images of faces, [n, factors] from 0 to 1.

    Args:
        images: [n, 3, 32, 32] in [−1, 1].
        regressor: its name in the zoo.

    >>> from gancourse.data import faces
    >>> images = faces.draw(faces.changed(faces.neutral(), glasses="yes")) / 127.5 - 1
    >>> faces.labels(factors_of(images), "glasses").tolist()
    [1]
    """
    return Extractor(regressor, load(regressor))(images)


def coverage_by(regressor: str, real: Tensor, generated: Tensor) -> dict[str, float]:
    """Factor coverage, by a name that carries its protocol: the mean overlap of the factors' distributions, 0 to 1.

    The regressor reads the data as well as the samples, so that its errors count on both sides.

    Args:
        regressor: its name in the zoo.
        real: images of data, [n, 3, 32, 32] in [−1, 1].
        generated: samples, [m, 3, 32, 32].
    """
    network = load(regressor)
    factors = [Extractor(regressor, network)(images) for images in (real, generated)]
    overlap = metrics.factor_overlap(*factors, network.n_classes)
    sizes = len(real), len(generated)
    return {
        metrics.label("factor coverage", regressor, *sizes): overlap.mean().item(),
        metrics.label("lowest factor coverage", regressor, *sizes): overlap.min().item(),
    }


def hair_styles_by(samples: Tensor, labels: Tensor, source: Source, anonymous: bool) -> dict[str, float]:
    """Whether faces have the hair style that they were generated for, and how good each style's are, by name.

    Args:
        samples: images [n, 3, 32, 32] in [−1, 1].
        labels: hair styles that they were generated for, integers [n].
        source: faces whose classes are hair styles.
        anonymous: whether the classes are codes of an unknown order.
    """
    name, n_styles = "faces-regressor", source.signature.condition.size

    def style(images: Tensor) -> Tensor:
        return one_hot(faces.labels(factors_of(images), "hair style"), n_styles).float()

    test = data.load("faces-by-hair", "test").first(N_TEST)
    return classes_by(extractor(name), Extractor(name, style), source, samples, labels, anonymous, test)
