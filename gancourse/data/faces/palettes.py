"""Colours of the faces, as bytes."""

from __future__ import annotations

import torch
from torch import Tensor


def _table(*colours: str) -> Tensor:
    """Colours "RRGGBB" as floats [n, 3] from 0 to 255."""
    return torch.tensor([list(bytes.fromhex(colour)) for colour in colours]).float()


SKIN = _table("fde0cd", "f8c9a4", "e8b07e", "c98a58", "9a6240", "6b4230")
SKIN_SHADE = _table("eebfa6", "e5a37c", "cd8c58", "a96c40", "7a4a2f", "513022")
BLUSH = _table("f79a92", "f0837a", "e0705a", "c45a48", "a04a3c", "8a3f38")
HAIR = _table("2b2735", "6b4226", "b5482a", "e9b949", "b9bcc6", "3f6fd1", "ee7fb0", "3fa07c")
HAIR_SHADE = _table("1b1824", "4b2c18", "8a3220", "c08f2e", "8f93a3", "2b4da0", "c9588e", "2a775c")
HAIR_SHINE = _table("55506a", "94653f", "d97a4e", "fbdf8c", "e6e8ee", "7aa3ef", "fbb5d2", "74c9a6")
IRIS = _table("6a3b1c", "3f8f4a", "2f7fd0")
BACKDROP = _table("a9d3ee", "f8e2a0", "f9c8cf", "b9dfb6", "cfc3ec", "f9cfa6")
HALO = _table("c6e4f6", "fdefc4", "fde0e3", "d3edcf", "e2daf6", "fde3c8")
SHIRT = _table("e8674a", "3f8f9c", "5565b0", "c2574f", "f0a33c", "4a7a5a")
BOW = _table("d8384a", "d8384a", "7a4fc0", "e0518a", "e0518a", "3a7fd0")
