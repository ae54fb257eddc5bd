"""Decoding of one image of any common format to bytes for a network."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = (
    "BMP",
    "GIF",
    "JPEG",
    "PNG",
    "PPM",
    "TIFF",
    "WEBP",
)  # no others: Pillow runs external programs for some formats
ENDINGS = (
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
)  # fmt: skip
LONGEST = 10  # largest ratio of an image's sides; of longer images, the centre square would show too little
LONGEST_REASON = 100  # characters
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # the transform that undoes each orientation of the EXIF standard


class Reading(NamedTuple):
    """The result of reading one file.

    Args:
        pixels: uint8 [1 or 3, size, size]; None if the file can't be used.
        reason: why the file can't be used; empty if it can.
        is_enlarged: whether the image was smaller than the requested size.
    """

    pixels: np.ndarray | None
    reason: str = ""
    is_enlarged: bool = False


def in_eight_bits(image: Image.Image) -> Image.Image:
    """The same picture in mode L (grey) or RGB, 8 bits a channel.

    Transparent pixels are put on white. 16-bit grey is divided by 257, so that 65535 becomes 255. Colour profiles are
    not applied.

    Raises:
        ValueError: the pixels have no known range (floats, integers of 32 bits).

    >>> in_eight_bits(Image.new("RGBA", (1, 1), (255, 0, 0, 0))).getpixel((0, 0))
    (255, 255, 255)
    """
    if image.mode == "I" or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"32-bit pixels from {values.min()} to {values.max()}; save it with 8 or 16 bits")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8))
    if image.mode == "F":
        raise ValueError("floating-point pixels, whose range is not known; save it with 8 or 16 bits")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        is_grey = image.mode in ("1", "L", "LA", "La")
        image = image.convert("LA") if image.mode == "La" else image
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return image.convert("L" if is_grey else "RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def pixels(image: Image.Image) -> np.ndarray:
    """Bytes of an image, uint8 [channels, height, width]: one channel for grey, three otherwise.

    >>> pixels(Image.new("RGB", (3, 2))).shape
    (3, 2, 3)
    """
    rows = np.array(in_eight_bits(image))
    return rows[None] if rows.ndim == 2 else rows.transpose(2, 0, 1)


def _orientation(image: Image.Image) -> int:
    """The orientation in the image's EXIF data; 1 (upright) if there is none, or if it can't be read."""
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # damaged EXIF data may raise any exception, but the pixels can still be used
        return 1


def _square(image: Image.Image, size: int, is_grey: bool) -> Reading:
    """The centre of an opened image, upright, size × size."""
    width, height = image.size
    if max(width, height) > LONGEST * min(width, height):
        return Reading(None, f"{width} × {height} pixels: one side is over {LONGEST} times the other")
    # The JPEG decoder halves a photograph while it stays above three times the size: that is several times as fast.
    image.draft(None, (3 * size, 3 * size))
    image.load()
    orientation = _orientation(image)  # after loading: Pillow rotates TIFFs when it loads them, and removes the tag
    whole = in_eight_bits(image)
    side, (left, top) = min(whole.size), ((n - min(whole.size)) // 2 for n in whole.size)
    centre = whole.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    # Rotated after cropping: a centred square is the same, and far smaller.
    if orientation in UPRIGHT:
        centre = centre.transpose(UPRIGHT[orientation])
    return Reading(pixels(centre.convert("L") if is_grey else centre), is_enlarged=min(width, height) < size)


def read_square(path: Path, size: int, is_grey: bool = False) -> Reading:
    """The centre square of an image file as size × size bytes, or why there is none.

    The shorter side is resized to `size` with an antialiased bicubic filter, and the longer side is cropped to its
    centre. Of several frames, the first one is used. The EXIF orientation is applied.

    Args:
        path: the file.
        size: height and width of the result.
        is_grey: whether to convert colours to grey, by their luminance (ITU-R 601).

    Source: Parmar, Zhang, Zhu 2022 (On Aliased Resizing), for the filter.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            return _square(image, size, is_grey)
    except MemoryError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        return Reading(None, f"more than {Image.MAX_IMAGE_PIXELS / 1e6:.0f} million pixels")
    except UnidentifiedImageError:
        return Reading(None, "empty" if path.stat().st_size == 0 else f"not a file of {', '.join(FORMATS)}")
    except OSError as error:
        if error.strerror:
            return Reading(None, error.strerror.lower())
        return Reading(None, "truncated" if "truncated" in str(error).lower() else f"damaged: {_line(error)}")
    except ValueError as error:
        return Reading(None, _line(error))
    except Exception as error:  # a damaged file may raise any exception: SyntaxError, struct.error, IndexError, …
        return Reading(None, f"damaged: {_line(error)}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:LONGEST_REASON] or type(error).__name__
