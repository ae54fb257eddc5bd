"""A folder of your own images as a source."""

from __future__ import annotations

import hashlib
import operator
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gancourse.data.arrays import check_memory
from gancourse.data.decoding import ENDINGS, Reading, read_square
from gancourse.data.images import MissingDataError
from gancourse.data.listing import Listing, Names, Skipped, canonical, list_images, printable
from gancourse.data.samples import Samples

N_TEST = 10  # every so many-th image is held out
N_REASONS = 3  # skipped images that the report names


class Folder(Samples):
    """A folder of images, cut to squares, held in memory as bytes and drawn with replacement.

    It reads BMP, GIF (the first frame), JPEG, PNG, PPM, TIFF and WebP, in 8 or 16 bits, grey, colour or CMYK. Cameras'
    orientation notes are honoured, colour profiles are not. What is transparent is laid on white. The shorter side is
    resized to `size`, the longer one cropped to its centre.

    Subfolders are classes, in the order of their names, with all that lies below them; without subfolders there are no
    labels. Images beside subfolders are skipped. So are damaged images, those of more than 89 million pixels (Pillow's
    limit), and those with one side over ten times the other; `skipped` says which and why. Hidden files are ignored,
    and files with other endings counted. The order is that of the names, on every machine.

    Args:
        path: the folder; ~ stands for your home.
        size: height and width of the images.
        channels: 1 or 3; if left out, 1 if all images are grey and 3 otherwise.
        split: "train" leaves out a tenth of the images, "test" holds that tenth; all if left out. An image's name
            decides, so that images that are added later move no other one.
        limit_gib: how much memory the images may take.

    Attributes:
        files: path of each image below the folder, in the order of the images.
        skipped: path and reason of each image that couldn't be used.
        unread: path and reason of each folder below it that couldn't be read, or was read already.

    Raises:
        MissingDataError: there is no such folder.
        PermissionError: it can't be read.
        ValueError: it holds no images that can be used, or an argument is none of the above.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as path:
    ...     Image.new("L", (40, 30)).save(f"{path}/a.png")
    ...     (Path(path) / "b.png").touch()
    ...     print(Folder(path, size=8))
    2 images, 1 read as 8 × 8 images of 1 channel; skipped 1: b.png (empty)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        size: int = 28,
        channels: int | None = None,
        *,
        split: str | None = None,
        limit_gib: float = 4.0,
    ) -> None:
        size = _checked(size, channels, split)
        root = _expanded(path)
        listing = _listed(root)
        images, rest = _divided(root, listing, split)
        check_memory(len(images), (channels or 3) * size**2, limit_gib, "pass a smaller size or fewer images")
        pixels, usable, failures, self._n_enlarged = _read(root, images, size, channels)
        # What couldn't even be opened is in no split: the training set reports it.
        self.skipped = (*(() if split == "test" else listing.skipped), *failures)
        self.unread = tuple(listing.folders)
        self._listing = listing
        if not usable:
            raise ValueError(f"no image in {printable(root)} can be used: {_reasons(self.skipped)}")
        # Both splits must have the same channels. One image in colour decides, so that few are read for it.
        if channels is None and _is_grey(pixels) and not _has_colour(root, rest):
            pixels = pixels[:, :1]
        self.files = tuple(printable(Path(*names)) for names in usable)
        number = {name: i for i, name in enumerate(listing.classes)}
        if number:
            labels, classes = np.array([number[names[0]] for names in usable]), tuple(map(printable, number))
        super().__init__(pixels, *((labels, classes) if number else ()))

    def report(self) -> str:
        """How many images there are, how many were read, and what was skipped and why, in one line."""
        parts = [f"{len(self) + len(self.skipped)} images, {len(self)} read as {self.signature}"]
        if self.skipped:
            parts.append(f"skipped {len(self.skipped)}: {_reasons(self.skipped)}")
        if self._n_enlarged:
            height = self.signature.shape[1]
            parts.append(f"enlarged {self._n_enlarged} that were smaller than {height} × {height}")
        if self.unread:
            parts.append(f"folders not read: {_reasons(self.unread, '.unread')}")
        if self._listing.without_images:
            parts.append(f"no images in {', '.join(map(printable, self._listing.without_images))}")
        if self._listing.others:
            parts.append(f"ignored {_counted(self._listing.others)}")
        return "; ".join(parts)

    def __repr__(self) -> str:
        return self.report()


def _reasons(skipped: Sequence[Skipped], where: str = ".skipped") -> str:
    listing = ", ".join(f"{path} ({reason})" for path, reason in skipped[:N_REASONS])
    more = len(skipped) - N_REASONS
    return listing + (f" and {more} more ({where} names them)" if more > 0 else "")


def _checked(size: int, channels: int | None, split: str | None) -> int:
    """The size as an int, after looking at the other arguments.

    Raises:
        ValueError: one of them is none of those that there are.
    """
    if channels not in (None, 1, 3):
        raise ValueError(f"channels is {channels!r}; pass 1 (grey), 3 (colour) or None (grey if all images are)")
    if split not in (None, "train", "test"):
        raise ValueError(f"split {split!r} is unknown; pass 'train', 'test' or None for all images")
    try:
        number = 0 if isinstance(size, bool) else operator.index(size)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"size is {size!r}; pass the height and width of the images, a positive integer")
    return number


def _expanded(path: str | os.PathLike[str]) -> Path:
    """The folder itself, ~ replaced.

    Raises:
        MissingDataError: there is none.
        ValueError: it is a file, or no path.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"path is {path!r}; pass the path of a folder of images")
    try:
        root = Path(text).expanduser()
        is_there = root.exists()
    except RuntimeError:
        raise MissingDataError(f"{printable(text)} names a home that isn't known; write the path in full") from None
    except OSError as error:  # a name that is too long, or a folder above it that is closed to us
        raise MissingDataError(f"{printable(text)} can't be opened: {(error.strerror or '').lower()}") from None
    if not is_there:
        raise MissingDataError(f"there is no folder {printable(root)}; pass the path of a folder of images")
    if not root.is_dir():
        raise ValueError(f"{printable(root)} is a file; pass the folder that holds it: {printable(root.parent)}")
    return root


def _listed(root: Path) -> Listing:
    """What a folder holds, at least one image.

    Raises:
        PermissionError: it can't be read.
        ValueError: it holds no images.
    """
    try:
        listing = list_images(root, ENDINGS)
    except PermissionError:
        raise PermissionError(f"{printable(root)} can't be read: permission denied; change its rights") from None
    if listing.images:
        return listing
    if lost := [*listing.skipped, *listing.folders]:
        raise ValueError(f"no image in {printable(root)} can be used: {_reasons(lost)}")
    others = f" (there are {_counted(listing.others)})" if listing.others else ""
    raise ValueError(f"{printable(root)} holds no images{others}; looked for {' '.join(ENDINGS)}")


def _divided(root: Path, listing: Listing, split: str | None) -> tuple[list[Names], list[Names]]:
    """Images of the split, and the rest.

    Raises:
        ValueError: the split has none.
    """
    sides: tuple[list[Names], list[Names]] = ([], [])
    for names in listing.images:
        sides[split is not None and (split == "test") != is_held_out(names)].append(names)
    if not sides[0]:
        raise ValueError(
            f"none of the {len(listing.images)} images in {printable(root)} are in its {split} split (a tenth is held "
            "out, by name); pass split=None, or add images"
        )
    return sides


def is_held_out(names: Names) -> bool:
    """Whether an image is in the test split: so says a hash of its path below the folder, for one in ten.

    >>> sum(is_held_out((f"{i}.png",)) for i in range(1000))
    97
    """
    digest = hashlib.sha256(b"/".join(canonical(names))).digest()
    return int.from_bytes(digest[:8], "big") % N_TEST == 0


def _counted(others: Counter[str]) -> str:
    return ", ".join(f"{n} {printable(ending)}" for ending, n in sorted(others.items()))


@contextmanager
def _quiet_but_for_bombs() -> Iterator[None]:
    """Images that would fill the memory are an error; what else Pillow warns of, such as damaged notes, is not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _readings(root: Path, images: Sequence[Names], size: int, is_grey: bool) -> Iterator[Reading]:
    """What comes of each file, in their order, read by several threads."""
    Image.init()  # before the threads: Pillow loads its formats when they are first asked for
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        with _quiet_but_for_bombs():
            read = partial(read_square, size=size, is_grey=is_grey)
            yield from pool.map(read, (root.joinpath(*names) for names in images))
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C needn't wait for images that nobody wants


def _read(
    root: Path, images: Sequence[Names], size: int, channels: int | None
) -> tuple[Tensor, list[Names], list[Skipped], int]:
    """Images as bytes [n, channels, size, size], their names, those that can't be used, and how many were enlarged."""
    whole = torch.empty(len(images), channels or 3, size, size, dtype=torch.uint8)
    usable: list[Names] = []
    skipped: list[Skipped] = []
    n_enlarged = 0
    with closing(_readings(root, images, size, channels == 1)) as readings:
        for names, reading in zip(images, readings, strict=True):
            if reading.pixels is None:
                skipped.append(Skipped(printable(Path(*names)), reading.reason))
                continue
            whole[len(usable)] = torch.from_numpy(reading.pixels)  # grey ones fill all three channels
            n_enlarged += reading.is_enlarged
            usable.append(names)
    return whole[: len(usable)], usable, skipped, n_enlarged


def _is_grey(pixels: Tensor) -> bool:
    """Whether all channels of all images [n, channels, height, width] are equal."""
    return all(torch.equal(image, image[:1].expand_as(image)) for image in pixels)


def _has_colour(root: Path, images: Sequence[Names]) -> bool:
    """Whether one of the images is in colour; those after it aren't read."""
    with closing(_readings(root, images, size=28, is_grey=False)) as readings:
        return any(each.pixels is not None and not _is_grey(torch.from_numpy(each.pixels)[None]) for each in readings)
