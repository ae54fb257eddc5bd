"""Every data set by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gancourse.data.folder import Folder
from gancourse.data.images import digits, fashion
from gancourse.data.mixtures import Mixture, grid, ring
from gancourse.data.source import Source
from gancourse.data.stacked import stacked_digits
from gancourse.data.unpaired import Unpaired
from gancourse.names import lookup


class Request(NamedTuple):
    """Which part of a data set is asked for.

    Args:
        argument: what follows the colon in "folder:PATH"; empty for a name alone.
        split: "train" or "test".
        full: the full set rather than the part in the package.
        download: fetch it if it is missing.
        size: height and width that a network wants, where the data has none of its own; None for any.
    """

    argument: str = ""
    split: str = "train"
    full: bool = False
    download: bool = False
    size: int | None = None


class Entry(NamedTuple):
    """One data set.

    Args:
        about: what it is, in a line.
        load: makes the source that is asked for.
        has_full_set: whether there is more of it than what lies in the package.
        argument: what has to follow its name after a colon; empty if nothing may.
        domains: names of the data sets that it is made of, by its argument; None if it is one itself.
    """

    about: str
    load: Callable[[Request], Source]
    has_full_set: bool = False
    argument: str = ""
    domains: Callable[[str], tuple[str, ...]] | None = None


def _unit(mixture: Mixture) -> Mixture:
    """A mixture divided by its root mean square coordinate, so that one learning rate suits several."""
    scale = mixture.means.square().mean().sqrt()
    return Mixture(mixture.means / scale, mixture.std / scale.item())


def _two(argument: str) -> tuple[str, str]:
    """The two names of an argument FIRST,SECOND."""
    first, comma, second = argument.partition(",")
    if not (first and comma and second):
        raise ValueError(f"unpaired:{argument} names no two data sets; write unpaired:FIRST,SECOND")
    return first, second


def _part(name: str, request: Request) -> Source:
    """One of two data sets: its part in the package."""
    chosen, argument = entry(name)
    return chosen.load(request._replace(argument=argument, full=False))


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
    "unpaired": Entry(
        "two sets of this catalogue without pairs",
        lambda request: Unpaired(*(_part(name, request) for name in _two(request.argument))),
        argument="FIRST,SECOND",
        domains=_two,
    ),
    "folder": Entry(
        "your own images; subfolders are classes, and a tenth by name is the test set",
        lambda request: Folder(request.argument, request.size or 28, split=request.split),
        argument="PATH",
    ),
}


def entry(name: str) -> tuple[Entry, str]:
    """The data set of that name, and what follows the colon in it.

    Raises:
        ValueError: there is none; the message suggests the nearest; or something is missing after the colon, or
            doesn't belong there.

    >>> entry("ring")[0].about[:15]
    'eight Gaussians'
    """
    stem, colon, argument = name.partition(":")
    chosen = lookup(data_sets, stem, "data set")
    if bool(argument) != bool(chosen.argument) or (colon and not chosen.argument):
        expected = f"{stem}:{chosen.argument}" if chosen.argument else stem
        raise ValueError(f"data set {name!r} can't be opened; write {expected}")
    return chosen, argument


def domains(name: str) -> tuple[str, ...]:
    """Names of the data sets that samples are of, in the order of a batch's x and other; errors as for `entry`.

    >>> domains("unpaired:ring,grid"), domains("ring")
    (('ring', 'grid'), ('ring',))
    """
    chosen, argument = entry(name)
    return (name,) if chosen.domains is None else chosen.domains(argument)


def load(
    name: str, split: str = "train", full: bool = False, download: bool = False, size: int | None = None
) -> Source:
    """The data set of that name.

    Args:
        name: of the catalogue, such as "digits".
        split: "train" or "test", where there are such.
        full: the full set instead of the part in the package.
        download: fetch the full set if it is missing.
        size: height and width that a network wants, for data that has none of its own.

    Raises:
        ValueError: there is no such data set, split or full set.
        MissingDataError: the data is not on this machine.

    >>> load("digits", "test").signature.shape
    (1, 28, 28)
    """
    chosen, argument = entry(name)
    if full and not chosen.has_full_set:
        raise ValueError(f"{name} has no full set; pass full=False (--no-full)")
    return chosen.load(Request(argument, split, full, download, size))
