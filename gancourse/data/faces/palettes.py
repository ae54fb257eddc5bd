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
        "skin": _table("ffe3d0", "f9c9a2", "e9b27f", "cc8f5c", "ad744b", "8c583d"),
        "skin shade": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "8a5634", "643b28"),
        "shadow": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "8a5634", "643b28"),
        "inner ear": _table("f2bfa6", "e8a47b", "cf8e58", "ab6e42", "8a5634", "643b28"),
        "blush": _table("f79a92", "f0837a", "e0705a", "c45a48", "b8553f", "a04a40"),
        "nose": _table("ee9478", "dc7a50", "b56834", "8c4c24", "6a3818", "4c2416"),
        "freckle": _table("b4582e", "a04a22", "823c14", "5e2c0e", "44200c", "2e140a"),
        "lip": _table("d2445a", "c83a4a", "b82e3e", "a8203a", "94182e", "f8848e"),
    },
    "hair colour": {
        "hair": _table("2a2836", "5a331d", "b5482a", "e9b949", "b9bcc6", "3f6fd1", "ee7fb0", "3fa07c"),
        "hair shade": _table("191822", "3c2012", "8a3220", "c08f2e", "8f93a3", "2b4da0", "c9588e", "2a775c"),
        "hair shine": _table("565470", "9a6a42", "d97a4e", "fbdf8c", "e6e8ee", "7aa3ef", "fbb5d2", "74c9a6"),
        "parting": _table("060408", "2a1208", "701f10", "99691a", "6c7082", "1c3780", "a83870", "1a5842"),
        "brow": _table("12101a", "45210d", "8a2e16", "8a5810", "727688", "2340a0", "c04080", "1e6c4c"),
    },
    "eye colour": {"iris": _table("8e4a18", "2aa248", "2b80ea")},
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
    "line": _table("1c0d16"),
    "pupil": _table("1c1420"),
    "sclera": _table("ffffff"),
    "glint": _table("ffffff"),
    "teeth": _table("ffffff"),
    "mouth": _table("6e1426"),
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
