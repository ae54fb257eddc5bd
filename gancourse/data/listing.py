"""The images of a folder and their classes, in an order that is the same on every file system."""

from __future__ import annotations

import os
import stat
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Names = tuple[str, ...]
"""Path below the root: folders, and then the file, e.g. ("cats", "tom.jpg")."""

PARTS = {"train", "test", "val", "valid", "validation"}


class Skipped(NamedTuple):
    """An image that can't be used.

    Args:
        path: below the folder.
        reason: why, in a few words.
    """

    path: str
    reason: str


@dataclass
class Listing:
    """Contents of a folder.

    Args:
        images: all image files, in the order of their names.
        classes: subfolders with images, in the order of their names; empty if there are none.
        without_images: subfolders without images.
        skipped: image files that can't be used.
        folders: folders that can't be read, or are reached twice.
        others: number of files by ending, for endings that aren't images'.
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
    """Names as bytes that are the same on every machine: some file systems store é as e and an accent.

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


def _add_file(root: Path, names: Names, endings: tuple[str, ...], listing: Listing) -> os.stat_result | None:
    """Add one file to the listing; for a folder, return its status instead."""
    ending = os.path.splitext(names[-1])[1].lower()
    try:
        status = os.stat(os.path.join(root, *names))
    except OSError as error:  # a broken or circular link, or a folder whose files can't be accessed
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
        listing.skipped.append(Skipped(printable(Path(*names)), "not a file"))  # opening a pipe would block for ever
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
    return [(each, status) for each in below if (status := _add_file(root, each, endings, listing))]


def list_images(root: Path, endings: tuple[str, ...]) -> Listing:
    """All images of a folder by name; images below a subfolder are of the class of its name.

    Links are followed, but within a class no folder is read twice, so that circular links end. Images beside
    subfolders with images are skipped.

    Args:
        root: the folder.
        endings: of image files, in lower case, with the dot.

    Raises:
        OSError: the folder can't be read.
        ValueError: it contains a training and a test set instead of images or classes.
    """
    listing = Listing()
    top = _subfolders(root, (), endings, listing)
    if len(top) > 1 and "train" in (names := {each[0] for each, _ in top}) and names <= PARTS:
        raise ValueError(
            f"{printable(root)} holds the parts {', '.join(sorted(names))}, which would count as classes; "
            f"pass one of them, such as {printable(root / 'train')}"
        )
    for folder, status in top:
        pending, visited = [(folder, status)], {_key(os.stat(root))}
        while pending:
            names, status = pending.pop()
            if _key(status) in visited:
                listing.folders.append(Skipped(printable(Path(*names)), "a folder that is read already, by a link"))
                continue
            visited.add(_key(status))
            pending += reversed(_subfolders(root, names, endings, listing))
    # Images below subfolders have a class; images beside subfolders have none.
    classes = {names[0] for names in listing.images if len(names) > 1}
    if classes:
        unlabelled = [names[0] for names in listing.images if len(names) == 1]
        listing.skipped += (Skipped(printable(name), "beside the folders of the classes") for name in unlabelled)
        listing.images = [names for names in listing.images if len(names) > 1]
    listing.images.sort(key=_order)
    listing.skipped.sort()
    listing.classes = sorted(classes, key=lambda name: _order((name,)))
    listing.without_images = [each[0] for each, _ in top if each[0] not in classes]
    return listing
