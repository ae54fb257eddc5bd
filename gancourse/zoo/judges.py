"""How samples of a source are judged, by the source's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from torch import Tensor, nn

from gancourse import data, metrics
from gancourse.data import Mixture, Source
from gancourse.zoo.classes import classes_by
from gancourse.zoo.extractors import Extractor, extractor
from gancourse.zoo.portraits import coverage_by, hair_styles_by
from gancourse.zoo.stacked import N_JUDGED, stacked_coverage
from gancourse.zoo.storage import load

N_DEFAULT, N_QUICK, N_TEST = 10_000, 1000, 2000
N_SPLITS, LEAST_IN_SPLIT = 10, 100  # parts of the Inception score, as published; fewer if they would be too small
Make = Callable[[int], Tensor]
"""Makes so many samples."""
S = TypeVar("S", bound=Source)


class Judge(NamedTuple, Generic[S]):
    """Measures samples of one kind of data, S.

    Args:
        measure: maps (a function that makes so many samples, the data, how many or None, seed) to metrics by name, each
            of which carries its protocol.
        quick: for looks during a training: maps the data to a function of samples, which gives metrics by name within
            a second.
        by_class: maps (samples, the classes that they were generated for [n], the data, whether the classes' order is
            unknown) to metrics by name; None where nothing tells the classes of samples.
    """

    measure: Callable[[Make, S, int | None, int], dict[str, float]]
    quick: Callable[[S], Callable[[Tensor], dict[str, float]]]
    by_class: Callable[[Tensor, Tensor, S, bool], dict[str, float]] | None = None


def judge_by(
    extract: Extractor, real: Tensor, generated: Tensor, logits: Callable[[Tensor], Tensor] | None, seed: int = 0
) -> dict[str, float]:
    """Metrics of generated samples by an extractor's features; each name carries its protocol.

    Args:
        extract: makes the features.
        real: data [n, ...].
        generated: samples [m, ...].
        logits: of a classifier, for the Inception score; None to leave that out.
        seed: shuffles the samples for the splits of the Inception score.

    Returns:
        Fréchet and kernel distance; precision, recall, density and coverage with k = 3; Inception score, the mean over
        ten parts of the samples, or fewer, so that each has 100: its name says how many.
    """
    x, y = extract(real), extract(generated)
    values = {"fid": metrics.frechet_distance(x, y), "kid": metrics.kernel_distance(x, y)}
    values |= {f"{metric}@3": value for metric, value in metrics.precision_recall(x, y, k=3)._asdict().items()}
    labelled = {metrics.label(metric, extract.name, len(x), len(y)): value for metric, value in values.items()}
    if logits is None:
        return labelled
    scores = logits(generated)
    n_splits = max(1, min(N_SPLITS, len(scores) // LEAST_IN_SPLIT))
    name = metrics.label("is", extract.name, len(y), protocol=f"{n_splits} split{'s' if n_splits > 1 else ''}")
    return labelled | {name: metrics.inception_score(scores, n_splits, seed).mean}


def _classifier(data_name: str, border: int = 0) -> Judge[Source]:
    """By the zoo's classifier for a data set; of images with a border, by what lies inside of it."""
    name = f"{data_name}-classifier"

    def inside(network: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda x: network(x[..., border : x.shape[-2] - border, border : x.shape[-1] - border])

    def measure(make: Make, source: Source, n: int | None, seed: int) -> dict[str, float]:
        real = source.first(n or N_DEFAULT).x
        logits = inside(Extractor(name, load(name)))
        return judge_by(Extractor(name, inside(extractor(name))), real, make(len(real)), logits, seed)

    def by_class(samples: Tensor, labels: Tensor, source: Source, anonymous: bool) -> dict[str, float]:
        readers = Extractor(name, inside(extractor(name))), Extractor(name, inside(load(name)))
        test = data.load(f"{data_name}-32" if border else data_name, "test").first(N_TEST)
        return classes_by(*readers, source, samples, labels, anonymous, test)

    return Judge(measure, lambda source: _distance(Extractor(name, inside(extractor(name))), source), by_class)


def _regressor(name: str) -> Judge[Source]:
    """By the features of the zoo's regressor, and by the factors that it reads."""

    def measure(make: Make, source: Source, n: int | None, seed: int) -> dict[str, float]:
        real = source.first(n or N_DEFAULT).x
        samples = make(len(real))
        return judge_by(extractor(name), real, samples, None, seed) | coverage_by(name, real, samples)

    def quick(source: Source) -> Callable[[Tensor], dict[str, float]]:
        real, distance = source.first(N_QUICK).x, _distance(extractor(name), source)
        return lambda samples: distance(samples) | coverage_by(name, real, samples)

    return Judge(measure, quick)


def _distance(extract: Extractor, source: Source) -> Callable[[Tensor], dict[str, float]]:
    """The Fréchet distance of a few samples; what it takes of the data is computed once."""
    real = metrics.Statistics.of(extract(source.first(_at_most(source, N_QUICK)).x))

    def measure(samples: Tensor) -> dict[str, float]:
        fake = extract(samples)
        distance = metrics.frechet_distance(real, metrics.Statistics.of(fake))
        return {metrics.label("fid", extract.name, real.n, len(fake)): distance}

    return measure


def _at_most(source: Source, n: int) -> int:
    return n if source.n_samples is None else min(n, source.n_samples)


def _modes(samples: Tensor, source: Mixture) -> dict[str, float]:
    """What samples reach of a mixture's modes."""
    coverage = metrics.mode_coverage(samples, source.means, source.std)
    return {"modes": coverage.modes, "share within 3σ": coverage.share, "reverse KL": coverage.reverse_kl}


def _thousand(samples: Tensor, source: Source) -> dict[str, float]:
    """How many of the thousand modes stacked digits reach."""
    coverage = stacked_coverage(samples)
    values = {"modes": coverage.modes, "reverse KL": coverage.reverse_kl}
    return {metrics.label(what, "digits-classifier", len(samples)): value for what, value in values.items()}


def _by_posterior(samples: Tensor, labels: Tensor, source: Mixture, anonymous: bool) -> dict[str, float]:
    """Whether points belong to the component that they were generated for, by its exact probability."""
    coordinates, posterior = Extractor("coordinates", nn.Identity()), Extractor("posterior", source.posterior)
    return classes_by(coordinates, posterior, source, samples, labels, anonymous, source.first(N_DEFAULT))


def _of(function: Callable[[Tensor, S], dict[str, float]], n_default: int) -> Judge[S]:
    """A judge whose quick look is the measurement itself."""
    return Judge(
        lambda make, source, n, seed: function(make(n or n_default), source),
        lambda source: lambda samples: function(samples, source),
    )


PIXELS = Extractor("pixels-8x8", nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten()))
"""Means over an 8 × 8 grid, for images that no classifier knows: layout and colours, no content."""


def _pixels(make: Make, source: Source, n: int | None, seed: int) -> dict[str, float]:
    real = source.first(n or _at_most(source, N_DEFAULT)).x
    return judge_by(PIXELS, real, make(len(real)), None, seed)


def _plain(make: Make, source: Source, n: int | None, seed: int) -> dict[str, float]:
    real = source.first(n or _at_most(source, N_DEFAULT)).x
    return _distances(make(len(real)), real)


def _plain_distance(source: Source) -> Callable[[Tensor], dict[str, float]]:
    real = source.first(_at_most(source, N_QUICK)).x
    return lambda samples: _distances(samples, real)


def _distances(samples: Tensor, real: Tensor) -> dict[str, float]:
    x, y = real.flatten(1), samples.flatten(1)
    values = {"sliced W2": metrics.sliced_wasserstein(x, y), "fid": metrics.frechet_distance(x, y)}
    return {metrics.label(what, "coordinates", len(x), len(y)): value for what, value in values.items()}


JUDGES: dict[str, Judge[Any]] = {
    "digits": _classifier("digits"),
    "digits-32": _classifier("digits", border=2),
    "fashion": _classifier("fashion"),
    "fashion-32": _classifier("fashion", border=2),
    "stacked-digits": _of(_thousand, N_JUDGED),
    **dict.fromkeys(("faces", "faces-captions", "faces-edges", "faces-correlated"), _regressor("faces-regressor")),
    "faces-by-hair": _regressor("faces-regressor")._replace(by_class=hair_styles_by),
    "faces-sketch": _regressor("faces-sketch-regressor"),
    **dict.fromkeys(
        ("ring", "grid", "unit-ring", "unit-grid"), _of(_modes, N_DEFAULT)._replace(by_class=_by_posterior)
    ),
    "two-classes": Judge(_plain, _plain_distance, _by_posterior),
}
"""By the name of the data set, which says what kind of source each is handed."""

IMAGES = Judge(_pixels, lambda source: _distance(PIXELS, source))
OTHERS = Judge(_plain, _plain_distance)


def judge_of(data_name: str, source: Source) -> Judge[Any]:
    """The judge of a data set's samples; for one that has none of its own, by pixels or coordinates.

    >>> from gancourse import data
    >>> judge_of("ring", data.ring()) is JUDGES["ring"]
    True
    """
    return JUDGES.get(data_name, IMAGES if source.signature.is_image else OTHERS)
