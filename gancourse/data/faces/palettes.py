"""Colours of the faces and of their parts, as bytes."""

from __future__ import annotations

import torch
from torch import Tensor

from gancourse.data.faces.description import labels


def _table(*colours: str) -> Tensor:
    """Colours "rrggbb" as floats from 0 to 255, [n, 3]."""
    return torch.tensor([list(bytes.fromhex(colour)) for colour in colours]).float()


# The columns are the classes of the factor that a colour depends on, in its order.
COLOURS = {
    "skin": {
        "skin": _table("ffe3d0", "f9c9a2", "e9b27f", "cc8f5c", "a56b45", "784a34"),
        "skin shade": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "824f31", "583324"),
        "shadow": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "824f31", "583324"),
        "inner ear": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "824f31", "583324"),
        "blush": _table("f79a92", "f0837a", "e0705a", "c45a48", "b04f40", "944239"),
        "nose": _table("ee9c80", "dc8258", "b9713c", "8c5028", "63371f", "412116"),
        "freckle": _table("c4704a", "b05f38", "8c4c22", "66381c", "472414", "2c140c"),
        "lip": _table("7c2a38", "782630", "662026", "52181c", "3a0e12", "220608"),
    },
    "hair colour": {
        "hair": _table("2a2836", "5a331d", "b5482a", "e9b949", "b9bcc6", "3f6fd1", "ee7fb0", "3fa07c"),
        "hair shade": _table("191822", "3c2012", "8a3220", "c08f2e", "8f93a3", "2b4da0", "c9588e", "2a775c"),
        "hair shine": _table("565470", "9a6a42", "d97a4e", "fbdf8c", "e6e8ee", "7aa3ef", "fbb5d2", "74c9a6"),
        "brow": _table("191822", "3c2012", "8a3220", "c08f2e", "8f93a3", "2b4da0", "c9588e", "2a775c"),
    },
    "eye colour": {"iris": _table("6a3b1c", "3f8f4a", "2f7fd0")},
    "backdrop": {
        "backdrop": _table("c8e4f7", "fdefc0", "fbd9e0", "d2ecce", "e0d8f5", "c3ebe6"),
        "halo": _table("93c6ec", "f5d67c", "f3a9ba", "9fd39f", "b9a8e6", "7fcdc6"),
        "shirt": _table("e8674a", "3f8f9c", "5565b0", "c2574f", "f0a33c", "d9556b"),
        "collar": _table("f1a492", "8cbcc4", "99a3d0", "da9a95", "f6c88a", "e899a6"),
        "bow": _table("d8384a", "d8384a", "7a4fc0", "e0518a", "e0518a", "f0a030"),
        "bow shade": _table("a02838", "a02838", "5a3890", "a83868", "a83868", "b87820"),
    },
}
SAME = {
    "line": _table("34202c"),
    "pupil": _table("1c1420"),
    "sclera": _table("ffffff"),
    "glint": _table("ffffff"),
    "teeth": _table("ffffff"),
    "mouth": _table("8e2436"),
    "tongue": _table("e8707a"),
    "frame": _table("2c2a3a"),
    "glass": _table("dff2ff"),
    "gold": _table("f2b632"),
}


def colours(factors: Tensor) -> dict[str, Tensor]:
    """Colour of each role in each face, [n, 3]; [1, 3] where it is the same in all."""
    own = {role: table[labels(factors, name)] for name, tables in COLOURS.items() for role, table in tables.items()}
    return own | SAME


FLAT = frozenset(("halo", "collar", "blush", "shadow", "inner ear", "hair shine", "glass", "tongue"))
"""Roles without lines, which drawings by lines leave out."""
COLOUR_ONLY = frozenset(("teeth", "glint", "iris"))
"""Roles within others that edges leave out."""
HOLES = frozenset(("sclera", "mouth"))
"""Roles that edges leave empty."""


PAPER = _table("fbf8f0")


def wash(colour: Tensor) -> Tensor:
    """A colour thinned with water, on paper."""
    return PAPER + (colour - PAPER) * 0.45


def pencil(colour: Tensor) -> Tensor:
    """A dark colour for lines on paper."""
    return colour * 0.65
