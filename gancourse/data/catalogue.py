"""All data sets by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from gancourse.data.cifar import CIFAR10, cifar10
from gancourse.data.deferred import Deferred
from gancourse.data.faces import Faces
from gancourse.data.folder import Folder
from gancourse.data.images import digits, fashion
from gancourse.data.mixtures import Mixture, grid, ring, two_classes
from gancourse.data.partly_labelled import few_labels
from gancourse.data.source import Source
from gancourse.data.stacked import stacked_digits
from gancourse.data.unpaired import Unpaired
from gancourse.names import lookup
from gancourse.signature import Signature


class Request(NamedTuple):
    """The requested part of a data set.

    Args:
        argument: the part after the colon in "folder:PATH"; empty for a name alone.
        split: "train" or "test".
        full: whether to load the full set instead of the part in the package.
        download: whether to download the full set if it is missing.
        size: height and width that a network needs, for data without a fixed size; None for any.
    """

    argument: str = ""
    split: str = "train"
    full: bool = False
    download: bool = False
    size: int | None = None


class Elsewhere(NamedTuple):
    """What is known of a data set that the package has no part of.

    Args:
        signature: what networks must fit.
        stand_in: a data set in the package with samples of the same shape and kind of condition, for trials.
    """

    signature: Signature
    stand_in: str


class Entry(NamedTuple):
    """One data set.

    Args:
        about: description in one line.
        load: maps a request to the source.
        has_full_set: whether there is a full set, of which the package has a part.
        argument: placeholder of the part after a colon; empty if the name takes none.
        domains: maps the argument to the names of the data sets that it combines; None if it combines none.
        elsewhere: maps the argument to what is known of a full set that the package has no part of, or to None where
            there is a part; None if there is one for any argument.
    """

    about: str
    load: Callable[[Request], Source]
    has_full_set: bool = False
    argument: str = ""
    domains: Callable[[str], tuple[str, ...]] | None = None
    elsewhere: Callable[[str], Elsewhere | None] | None = None


def _unit(mixture: Mixture) -> Mixture:
    """A mixture divided by its root mean square coordinate, so that several mixtures need the same learning rate."""
    scale = mixture.means.square().mean().sqrt()
    return Mixture(mixture.means / scale, mixture.std / scale.item())


def _two(argument: str) -> tuple[str, str]:
    """The two names of an argument FIRST,SECOND."""
    first, comma, second = argument.partition(",")
    if not (first and comma and second):
        raise ValueError(f"unpaired:{argument} doesn't name two data sets; write unpaired:FIRST,SECOND")
    return first, second


def _part(name: str, request: Request) -> Source:
    """One of the two data sets of a pair, without its full set."""
    data_set, argument = entry(name)
    check_full(name, full=False)
    return data_set.load(request._replace(argument=argument, full=False))


def _few(argument: str) -> tuple[str, int, int]:
    """The name and the numbers of an argument NAME,LABELS or NAME,LABELS,DRAW."""
    name, *numbers = argument.split(",")
    if not (name and 1 <= len(numbers) <= 2 and all(number.isdecimal() for number in numbers)):
        raise ValueError(f"few-labels:{argument} names no labels; write few-labels:NAME,LABELS or NAME,LABELS,DRAW")
    return name, int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else 0


def _few_labels(request: Request) -> Source:
    """Data with few labels; its test set keeps all of them."""
    name, n, draw = _few(request.argument)
    data_set, argument = entry(name)
    check_full(name, request.full)
    source = data_set.load(request._replace(argument=argument))
    return source if request.split == "test" else few_labels(source, n, draw)


def _few_elsewhere(argument: str) -> Elsewhere | None:
    """What is known of data with few labels, which has unlabelled samples of the same shape beside them."""
    name, _, numbers = argument.partition(",")
    of_all = elsewhere(name)
    if of_all is None:
        return None
    signature = dataclasses.replace(of_all.signature, other=of_all.signature.shape)
    return Elsewhere(signature, f"few-labels:{of_all.stand_in},{numbers}")


data_sets: dict[str, Entry] = {
    "ring": Entry(
        "eight Gaussians of standard deviation 0.1, five times the usual: what a laptop learns in seconds",
        lambda request: ring(std=0.1),
    ),
    "grid": Entry("25 Gaussians", lambda request: grid()),
    "unit-ring": Entry(
        "the papers' ring (radius 1, σ 0.01) at root mean square 1",
        lambda request: _unit(ring(radius=1.0, std=0.01)),
    ),
    "unit-grid": Entry(
        "the papers' grid (spacing 2, σ 0.05) at root mean square 1",
        lambda request: _unit(grid(spacing=2.0, std=0.05)),
    ),
    "two-classes": Entry("two Gaussians of standard deviation 1 at distance 2", lambda request: two_classes()),
    "digits": Entry(
        "handwritten digits, 28 × 28",
        lambda request: digits(request.split, request.full, request.download),
        has_full_set=True,
    ),
    "digits-32": Entry(
        "handwritten digits with a black border, 32 × 32",
        lambda request: digits(request.split, request.full, request.download).padded(32),
        has_full_set=True,
    ),
    "fashion": Entry(
        "pieces of clothing, 28 × 28",
        lambda request: fashion(request.split, request.full, request.download),
        has_full_set=True,
    ),
    "fashion-32": Entry(
        "pieces of clothing with a black border, 32 × 32",
        lambda request: fashion(request.split, request.full, request.download).padded(32),
        has_full_set=True,
    ),
    "stacked-digits": Entry(
        "three digits as colour channels, 28 × 28: a thousand modes",
        lambda request: stacked_digits(request.split, request.full, request.download),
        has_full_set=True,
    ),
    "cifar10": Entry(
        "small photographs of ten kinds of things, 32 × 32, in colour; the full set only",
        lambda request: cifar10(request.split, request.download),
        has_full_set=True,
        elsewhere=lambda argument: Elsewhere(CIFAR10, "faces-by-hair"),
    ),
    "faces": Entry(
        "cartoon faces drawn from known factors, 32 × 32, in colour",
        lambda request: Faces(request.split),
    ),
    "faces-by-hair": Entry(
        "the same faces, whose classes are hair styles",
        lambda request: Faces(request.split, condition="hair style"),
    ),
    "faces-captions": Entry(
        "the same faces with captions",
        lambda request: Faces(request.split, condition="captions"),
    ),
    "faces-edges": Entry(
        "the same faces with the boundaries of their parts, which have no colour",
        lambda request: Faces(request.split, condition="edges"),
    ),
    "faces-sketch": Entry(
        "the same faces by pencil and a thin wash on paper",
        lambda request: Faces(request.split, style="sketch"),
    ),
    "faces-correlated": Entry(
        "faces like these, of which long-haired ones wear glasses more often (correlation 0.8)",
        lambda request: Faces(request.split, correlation=0.8),
    ),
    "unpaired": Entry(
        "two sets of this catalogue without pairs",
        lambda request: Unpaired(*(_part(name, request) for name in _two(request.argument))),
        argument="FIRST,SECOND",
        domains=_two,
    ),
    "few-labels": Entry(
        "a set of this catalogue of which few samples have a label; another number draws others",
        _few_labels,
        has_full_set=True,
        argument="NAME,LABELS",
        domains=lambda argument: (_few(argument)[0],),
        elsewhere=_few_elsewhere,
    ),
    "folder": Entry(
        "your own images; subfolders are classes, and a tenth by name is the test set",
        lambda request: Folder(request.argument, request.size or 28, split=request.split),
        argument="PATH",
    ),
}


def entry(name: str) -> tuple[Entry, str]:
    """The data set of that name, and the part after the colon.

    Raises:
        ValueError: there is no such data set (the message suggests the nearest), or the part after the colon is missing
            or not allowed.

    >>> entry("ring")[0].about[:15]
    'eight Gaussians'
    """
    stem, colon, argument = name.partition(":")
    data_set = lookup(data_sets, stem, "data set")
    if bool(argument) != bool(data_set.argument) or (colon and not data_set.argument):
        expected = f"{stem}:{data_set.argument}" if data_set.argument else stem
        raise ValueError(f"data set {name!r} can't be opened; write {expected}")
    return data_set, argument


def check_full(name: str, full: bool) -> None:
    """Complain about a full set that there is not, or about a part that the package has not.

    Raises:
        ValueError: says what to ask for instead.
    """
    data_set, _ = entry(name)
    if full and not data_set.has_full_set:
        raise ValueError(f"{name} has no full set; pass full=False (--no-full)")
    if not full and (known := elsewhere(name)) is not None:
        raise ValueError(
            f"the package has no part of {name}; pass full=True (--full), or, for a trial, data of the same shape: "
            f"{known.stand_in} (--data {known.stand_in})"
        )


def elsewhere(name: str) -> Elsewhere | None:
    """What is known of a data set that the package has no part of; None for others. Errors as for `entry`.

    >>> elsewhere("cifar10").stand_in, elsewhere("digits")
    ('faces-by-hair', None)
    """
    data_set, argument = entry(name)
    return None if data_set.elsewhere is None else data_set.elsewhere(argument)


def domains(name: str) -> tuple[str, ...]:
    """Names of the data sets that samples are of, in the order of a batch's x and other; errors as for `entry`.

    >>> domains("unpaired:ring,grid"), domains("ring")
    (('ring', 'grid'), ('ring',))
    """
    data_set, argument = entry(name)
    return (name,) if data_set.domains is None else data_set.domains(argument)


def load(
    name: str, split: str = "train", full: bool = False, download: bool = False, size: int | None = None
) -> Source:
    """The data set of that name.

    Args:
        name: in the catalogue, such as "digits".
        split: "train" or "test", for data with a split.
        full: whether to load the full set instead of the part in the package.
        download: whether to download the full set if it is missing.
        size: height and width that a network needs, for data without a fixed size.

    Raises:
        ValueError: there is no such data set, split or full set.
        MissingDataError: the data is not on this machine.

    >>> load("digits", "test").signature.shape
    (1, 28, 28)
    """
    data_set, argument = entry(name)
    check_full(name, full)
    return data_set.load(Request(argument, split, full, download, size))


def packaged(name: str, split: str = "train", size: int | None = None) -> Source:
    """What the package has of a data set; of one that it has no part of, the full set, read when it is asked for.

    Args:
        name: in the catalogue.
        split: "train" or "test", for data with a split.
        size: height and width that a network needs, for data without a fixed size.

    Raises:
        ValueError: as for `load`.
        MissingDataError: as for `load`; of a set that the package has no part of, when a sample is asked for.

    >>> packaged("cifar10").signature.condition.names[3]
    'cat'
    """
    known = elsewhere(name)
    if known is None:
        return load(name, split, size=size)
    return Deferred(known.signature, lambda: load(name, split, full=True, size=size))
