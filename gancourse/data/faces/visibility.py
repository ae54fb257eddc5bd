"""Which factors can be seen in a face."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.data.faces.description import HAIR_STYLES, NAMES, labels, values

CLOSED = 0.04  # eyelids: below it, at most slits of the irises are left


def visible(factors: Tensor) -> Tensor:
    """Which factors the coloured picture of each face shows, bool [n, factors].

    A bald head shows neither the amount of hair nor a parting: they change no byte of the picture. Closed eyes show
    neither the colour of the eyes nor where they look: these change no byte by more than 64 of 255. Every other factor
    can be seen in every face; the colour of the hair of a bald one by its brows.

    Args:
        factors: from 0 to 1, [n, factors]; columns as in `FACTORS`.

    >>> from gancourse.data.faces import changed, neutral
    >>> seen = visible(changed(neutral(), hair_style="bald"))[0]
    >>> [name for name, is_visible in zip(NAMES, seen) if not is_visible]
    ['hair amount', 'parting']
    """
    result = torch.ones_like(factors, dtype=torch.bool)
    has_hair = labels(factors, "hair style") != HAIR_STYLES.index("bald")
    has_open_eyes = values(factors, "eyelids") >= CLOSED
    for name, shown in (
        ("hair amount", has_hair),
        ("parting", has_hair),
        ("eye colour", has_open_eyes),
        ("gaze", has_open_eyes),
    ):
        result[:, NAMES.index(name)] = shown
    return result
