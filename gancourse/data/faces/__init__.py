"""Cartoon faces, 32 × 32, drawn from known factors."""

from gancourse.data.faces.collection import Faces
from gancourse.data.faces.description import FACTORS
from gancourse.data.faces.painting import draw

__all__ = ["FACTORS", "Faces", "draw"]
