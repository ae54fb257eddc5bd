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

N_TEST = 10  # one image in this many is held out
N_REASONS = 3  # number of skipped images that the report names


class Folder(Samples):
    """A folder of images, cropped to squares, held in memory as bytes and drawn with replacement.

    It reads BMP, GIF (the first frame), JPEG, PNG, PPM, TIFF and WebP, in 8 or 16 bits, grey, colour or CMYK. The
    EXIF orientation is applied, colour profiles are not. Transparent pixels are put on white. The shorter side is
    resized to `size`, the longer side is cropped to its centre.

    Subfolders are classes, in the order of their names, with all images below them; without subfolders there are no
    labels. Images beside subfolders are skipped. So are damaged images, those of more than 89 million pixels (Pillow's
    limit), and those with one side over ten times the other; `skipped` lists them with the reason. Hidden files are
    ignored, and files with other endings are counted. Images are in the order of their names, on every machine.

    Args:
        path: the folder; ~ is your home folder.
        size: height and width of the images.
        channels: 1 or 3; None for 1 if all images are grey, and 3 otherwise.
        split: "train" leaves out a tenth of the images, "test" is that tenth; None for all images. The split depends on
            each image's name, so adding images moves no other image to another split.
        limit_gib: largest size of the images in memory, in GiB.

    Attributes:
        files: path of each image below the folder, in the order of the images.
        skipped: path and reason of each image that couldn't be used.
        unread: path and reason of each subfolder that couldn't be read, or was read already.

    Raises:
        MissingDataError: there is no such folder.
        PermissionError: the folder can't be read.
        ValueError: it has no images that can be used, or an argument is not one of the above.

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
        images, others = _split(root, listing, split)
        check_memory(len(images), (channels or 3) * size**2, limit_gib, "pass a smaller size or fewer images")
        pixels, usable, failures, self._n_enlarged = _read(root, images, size, channels)
        # Files that couldn't be opened are in no split: the training set reports them.
        self.skipped = (*(() if split == "test" else listing.skipped), *failures)
        self.unread = tuple(listing.folders)
        self._listing = listing
        if not usable:
            raise ValueError(f"no image in {printable(root)} can be used: {_reasons(self.skipped)}")
        # Both splits must have the same channels. One image in colour is enough, so few images of the other are read.
        if channels is None and _is_grey(pixels) and not _has_colour(root, others):
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
    """The size as an int, after checking the arguments.

    Raises:
        ValueError: an argument has a value that is not allowed.
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
    """The folder, with ~ replaced.

    Raises:
        MissingDataError: there is no such folder.
        ValueError: the path is a file's, or not a path.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else None
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError(f"path is {path!r}; pass the path of a folder of images")
    try:
        root = Path(text).expanduser()
        is_there = root.exists()
    except RuntimeError:
        raise MissingDataError(f"{printable(text)} names a home that isn't known; write the path in full") from None
    except OSError as error:  # the name is too long, or a parent folder isn't accessible
        raise MissingDataError(f"{printable(text)} can't be opened: {(error.strerror or '').lower()}") from None
    if not is_there:
        raise MissingDataError(f"there is no folder {printable(root)}; pass the path of a folder of images")
    if not root.is_dir():
        raise ValueError(f"{printable(root)} is a file; pass the folder that holds it: {printable(root.parent)}")
    return root


def _listed(root: Path) -> Listing:
    """The listing of a folder with at least one image.

    Raises:
        PermissionError: the folder can't be read.
        ValueError: it has no images.
    """
    try:
        listing = list_images(root, ENDINGS)
    except PermissionError:
        raise PermissionError(f"{printable(root)} can't be read: permission denied; change its rights") from None
    if listing.images:
        return listing
    if unusable := [*listing.skipped, *listing.folders]:
        raise ValueError(f"no image in {printable(root)} can be used: {_reasons(unusable)}")
    others = f" (there are {_counted(listing.others)})" if listing.others else ""
    raise ValueError(f"{printable(root)} holds no images{others}; looked for {' '.join(ENDINGS)}")


def _split(root: Path, listing: Listing, split: str | None) -> tuple[list[Names], list[Names]]:
    """Images of the split, and the other images.

    Raises:
        ValueError: the split has no images.
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
    """Whether an image is in the test split: true for one in ten, by a hash of its path below the folder.

    >>> sum(is_held_out((f"{i}.png",)) for i in range(1000))
    97
    """
    digest = hashlib.sha256(b"/".join(canonical(names))).digest()
    return int.from_bytes(digest[:8], "big") % N_TEST == 0


def _counted(others: Counter[str]) -> str:
    return ", ".join(f"{n} {printable(ending)}" for ending, n in sorted(others.items()))


@contextmanager
def _only_size_warnings() -> Iterator[None]:
    """Inside, images that are too large for memory are an error; Pillow's other warnings are ignored."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _readings(root: Path, images: Sequence[Names], size: int, is_grey: bool) -> Iterator[Reading]:
    """The reading of each file, in order; files are read by several threads."""
    Image.init()  # before the threads start: Pillow loads its formats at their first use
    pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
    try:
        with _only_size_warnings():
            read = partial(read_square, size=size, is_grey=is_grey)
            yield from pool.map(read, (root.joinpath(*names) for names in images))
    finally:
        pool.shutdown(cancel_futures=True)  # so that Ctrl-C doesn't wait for the other images


def _read(
    root: Path, images: Sequence[Names], size: int, channels: int | None
) -> tuple[Tensor, list[Names], list[Skipped], int]:
    """Images as bytes [n, channels, size, size], their names, the skipped ones, and the number of enlarged ones."""
    pixels = torch.empty(len(images), channels or 3, size, size, dtype=torch.uint8)
    usable: list[Names] = []
    skipped: list[Skipped] = []
    n_enlarged = 0
    with closing(_readings(root, images, size, channels == 1)) as readings:
        for names, reading in zip(images, readings, strict=True):
            if reading.pixels is None:
                skipped.append(Skipped(printable(Path(*names)), reading.reason))
                continue
            pixels[len(usable)] = torch.from_numpy(reading.pixels)  # a grey image is copied to all channels
            n_enlarged += reading.is_enlarged
            usable.append(names)
    return pixels[: len(usable)], usable, skipped, n_enlarged


def _is_grey(pixels: Tensor) -> bool:
    """Whether all channels of all images [n, channels, height, width] are equal."""
    return all(torch.equal(image, image[:1].expand_as(image)) for image in pixels)


def _has_colour(root: Path, images: Sequence[Names]) -> bool:
    """Whether one of the images is in colour; reading stops at the first one."""
    with closing(_readings(root, images, size=28, is_grey=False)) as readings:
        return any(each.pixels is not None and not _is_grey(torch.from_numpy(each.pixels)[None]) for each in readings)
