"""Which images a folder holds, and of which class, in an order that no file system changes."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Names = tuple[str, ...]
"""Folders below the root, and the file: ("cats", "tom.jpg")."""

PARTS = {"train", "test", "val", "valid", "validation"}


class Skipped(NamedTuple):
    """An image that can't be used.

    Args:
        path: below the folder.
        reason: in a few words.
    """

    path: str
    reason: str


@dataclass
class Listing:
    """What a folder holds.

    Args:
        images: each image file, in the order of their names.
        classes: subfolders that hold images, in the order of their names; empty if none does.
        without_images: subfolders that hold none.
        skipped: image files that can't be used.
        folders: folders that can't be read, or are there twice.
        others: how many files there are of each ending that isn't an image's.
    """

    images: list[Names] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    without_images: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    folders: list[Skipped] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)


def printable(path: os.PathLike[str] | str) -> str:
    r"""A path as text that every terminal can show on one line.

    >>> printable("a\nb\udcff.png"), printable("Zoë’s cat.png")
    ('a\\nb\\xff.png', 'Zoë’s cat.png')
    """

    def shown(c: str) -> str:
        if c.isprintable():
            return c
        return f"\\x{ord(c) - 0xDC00:02x}" if 0xDC80 <= ord(c) <= 0xDCFF else repr(c)[1:-1]

    return "".join(map(shown, Path(path).as_posix()))


def canonical(names: Names) -> tuple[bytes, ...]:
    """Names as bytes that are the same on every machine: some systems store é as e and an accent.

    >>> canonical(("e\u0301",)) == canonical(("é",))
    True
    """
    return tuple(unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape") for name in names)


def _order(names: Names) -> tuple[tuple[bytes, ...], Names]:
    return canonical(names), names


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _key(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _look_at(root: Path, names: Names, endings: tuple[str, ...], listing: Listing) -> os.stat_result | None:
    """Add one file to the listing; returns what is known of it if it is a folder."""
    ending = os.path.splitext(names[-1])[1].lower()
    try:
        status = os.stat(os.path.join(root, *names))
    except OSError as error:  # a link to nowhere or to itself, or a folder whose files may not be looked at
        if ending in endings:
            listing.skipped.append(Skipped(printable(Path(*names)), _reason(error)))
        else:
            listing.others["that can't be opened"] += 1
        return None
    if stat.S_ISDIR(status.st_mode):
        return status
    if ending not in endings:
        listing.others[ending or "without ending"] += 1
    elif stat.S_ISREG(status.st_mode):
        listing.images.append(names)
    else:
        listing.skipped.append(Skipped(printable(Path(*names)), "not a file"))  # opening a pipe would wait for ever
    return None


def _subfolders(
    root: Path, names: Names, endings: tuple[str, ...], listing: Listing
) -> list[tuple[Names, os.stat_result]]:
    """Add the files of one folder to the listing; returns the folders in it, by name."""
    try:
        entries = [name for name in os.listdir(os.path.join(root, *names)) if not _is_hidden(name)]
    except OSError as error:
        if not names:
            raise
        listing.folders.append(Skipped(printable(Path(*names)), _reason(error)))
        return []
    below = sorted(((*names, name) for name in entries), key=_order)
    return [(each, status) for each in below if (status := _look_at(root, each, endings, listing))]


def list_images(root: Path, endings: tuple[str, ...]) -> Listing:
    """All images of a folder, by their names; those below a subfolder are of the class of that name.

    Links are followed, but a class reads no folder twice, so that links in circles end. Images beside subfolders that
    hold images are skipped.

    Args:
        root: the folder.
        endings: of image files, in small letters, with the dot.

    Raises:
        OSError: the folder can't be read.
        ValueError: it holds a training and a test set rather than images or classes.
    """
    listing = Listing()
    top = _subfolders(root, (), endings, listing)
    if len(top) > 1 and "train" in (names := {each[0] for each, _ in top}) and names <= PARTS:
        raise ValueError(
            f"{printable(root)} holds the parts {', '.join(sorted(names))}, which would count as classes; "
            f"pass one of them, such as {printable(root / 'train')}"
        )
    for folder, status in top:
        pending, seen = [(folder, status)], {_key(os.stat(root))}
        while pending:
            names, status = pending.pop()
            if _key(status) in seen:
                listing.folders.append(Skipped(printable(Path(*names)), "a folder that is read already, by a link"))
                continue
            seen.add(_key(status))
            pending += reversed(_subfolders(root, names, endings, listing))
    # Images below subfolders have a class; those beside them have none.
    classes = {names[0] for names in listing.images if len(names) > 1}
    if classes:
        lost = [names[0] for names in listing.images if len(names) == 1]
        listing.skipped += (Skipped(printable(name), "beside the folders of the classes") for name in lost)
        listing.images = [names for names in listing.images if len(names) > 1]
    listing.images.sort(key=_order)
    listing.skipped.sort()
    listing.classes = sorted(classes, key=lambda name: _order((name,)))
    listing.without_images = [each[0] for each, _ in top if each[0] not in classes]
    return listing
