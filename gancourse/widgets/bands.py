"""The Laplacian pyramid of a face: scale each level, or take one from another face, and see what is rebuilt."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape

import numpy as np
import torch
from torch import Tensor

from gancourse.data import Faces
from gancourse.laplacian import pyramid, reconstruct
from gancourse.widgets.drawing import Picture
from gancourse.widgets.widget import Widget, button, menu, slider

N_LEVELS, SIDE, GREY = 3, 32, 128
LOWEST, HIGHEST, STEP = -1.0, 2.0, 0.1
NAMES = ("fine", "middle", "coarse")
FACES = (0, 7)  # of the test set: blue hair and a bow; green hair and glasses


def levels(
    images: Tensor | None = None, *, scales: Sequence[float] = (1.0, 1.0, 1.0), other: int | None = None
) -> Widget:
    """Scale each level of a face's Laplacian pyramid, or take one from another face, and see what is rebuilt.

    Mid-grey counts as 0, so that a level of scale 0 is grey. Everything is computed on bytes as by
    `gancourse.laplacian`, so that three scales of 1 rebuild the face exactly.

    Args:
        images: the face and the other one, [2, 3, 32, 32] in [−1, 1]; two of the test faces if left out.
        scales: of the levels at first, the finest first; multiples of 0.1 from −1 to 2.
        other: number of the level, 0 for the finest, that is taken from the other face at first.

    Raises:
        ValueError: the images have another shape or other values, or a scale or the level is out of range.

    >>> print(levels(scales=(0.0, 1.0, 1.0)).status)
    fine × 0.0, middle × 1.0, coarse × 1.0
    difference from the face: 23.4 of 255
    """
    images = Faces("test").first(max(FACES) + 1).x[list(FACES)] if images is None else images
    if images.shape != (2, 3, SIDE, SIDE) or not bool((images.abs() <= 1).all()):
        raise ValueError(
            f"images are {tuple(images.shape)} from {images.min():.2f} to {images.max():.2f}; expected two, "
            f"[2, 3, {SIDE}, {SIDE}], in [−1, 1]"
        )
    steps = [(scale - LOWEST) / STEP for scale in scales]
    if len(steps) != N_LEVELS or not all(
        -1e-6 <= step <= (HIGHEST - LOWEST) / STEP + 1e-6 and abs(step - round(step)) < 1e-6 for step in steps
    ):
        raise ValueError(f"scales are {tuple(scales)}; expected {N_LEVELS} multiples of {STEP:g} from −1 to 2")
    if other is not None and other not in range(N_LEVELS):
        raise ValueError(f"other is {other}; expected the number of a level, 0 to {N_LEVELS - 1}, or None")
    faces = ((images.detach().cpu() + 1) * 127.5).round().to(torch.int32)
    bands = _chosen(faces - GREY, scales, other)
    rebuilt = (reconstruct(bands) + GREY).clamp(0, 255)
    status = _status(scales, other, (rebuilt - faces[0]).double().square().mean().sqrt().item())
    return Widget(
        "levels",
        "A face, rebuilt from the levels of its Laplacian pyramid, each scaled by hand",
        {
            "faces": [base64.b64encode(_pixels(face).tobytes()).decode() for face in faces],
            "levels": N_LEVELS,
            "side": SIDE,
            "grey": GREY,
            "names": list(NAMES),
        },
        [
            Picture(300, 328, f"Rebuilt face: {status}".replace("\n", ", "), _rebuilt(rebuilt)),
            Picture(370, 328, f"The levels as they are used: {status}".replace("\n", ", "), _parts(faces, bands)),
        ],
        "".join(
            slider(f"scale{k}", name, LOWEST, HIGHEST, STEP, scale)
            for k, (name, scale) in enumerate(zip(NAMES, scales, strict=True))
        )
        + menu(
            "other",
            "from the other face",
            {"-1": "nothing"} | {str(k): f"the {name} level" for k, name in enumerate(NAMES)},
            str(-1 if other is None else other),
        )
        + button("reset", "Reset"),
        status,
    )


def _chosen(faces: Tensor, scales: Sequence[float], other: int | None) -> list[Tensor]:
    """The levels that are shown, [3, height, width] each: of one face or the other, each scaled and rounded."""
    bands = [band[1 if k == other else 0] for k, band in enumerate(pyramid(faces, N_LEVELS))]
    # Halves up, as the script rounds, and in double precision as there.
    return [torch.floor(s * band.double() + 0.5).to(torch.int32) for s, band in zip(scales, bands, strict=True)]


def _status(scales: Sequence[float], other: int | None, difference: float) -> str:
    parts = [
        f"{name} × {scale + 0.0:.1f}{' of the other face' * (k == other)}"
        for k, (name, scale) in enumerate(zip(NAMES, scales, strict=True))
    ]
    return f"{', '.join(parts)}\ndifference from the face: {difference:.1f} of 255".replace("-", "−")


def _pixels(image: Tensor) -> np.ndarray:
    """Bytes by pixel and channel."""
    return image.clamp(0, 255).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def _rebuilt(image: Tensor) -> str:
    return _labelled("rebuilt", 4, 28, 288, image, part="rebuilt")


def _parts(faces: Tensor, bands: Sequence[Tensor]) -> str:
    """Both faces in a row, and below them the levels."""
    drawn = [
        _labelled(name, 4 + 126 * i, 28, 112, face)
        for i, (name, face) in enumerate(zip(("the face", "the other"), faces, strict=True))
    ]
    for k, (name, band) in enumerate(zip(NAMES, bands, strict=True)):
        height = band.shape[-1]
        left = 4 + 126 * k
        drawn.append(f'<text x="{left}" y="178">{name}</text>')
        drawn.append(_labelled(f"{height} × {height}", left, 206, 112, band + GREY, part=f"level{k}"))
    return "".join(drawn)


def _labelled(label: str, left: float, top: float, size: float, image: Tensor, part: str = "") -> str:
    """A picture with square pixels and a name above."""
    named = f' data-part="{part}"' if part else ""
    png = base64.b64encode(_png(_pixels(image))).decode()
    return (
        f'<text x="{left:g}" y="{top - 9:g}">{escape(label)}</text>'
        f'<image{named} x="{left:g}" y="{top:g}" width="{size:g}" height="{size:g}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{png}"/>'
    )


def _png(pixels: np.ndarray) -> bytes:
    """A PNG file without compression, whose bytes are thus the same with every version of zlib.

    Args:
        pixels: bytes, [height, width, 3]; less than 64 kB in all.
    """
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)  # 0: this row is stored as it is
    stored = b"\x78\x01\x01" + struct.pack("<HH", len(rows), 0xFFFF - len(rows)) + rows
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", stored + struct.pack(">I", zlib.adler32(rows))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
