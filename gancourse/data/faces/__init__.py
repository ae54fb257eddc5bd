"""Cartoon faces, 32 × 32, drawn from known factors; with captions, edges and a second drawing style."""

from gancourse.data.faces.collection import Faces
from gancourse.data.faces.description import FACTORS, Factor, changed, labels, mirrored, neutral, random_factors, values
from gancourse.data.faces.painting import draw
from gancourse.data.faces.visibility import visible
from gancourse.data.faces.wording import LENGTH, N_WORDINGS, VOCABULARY, caption, decode, encode

__all__ = [
    "FACTORS",
    "LENGTH",
    "N_WORDINGS",
    "VOCABULARY",
    "Faces",
    "Factor",
    "caption",
    "changed",
    "decode",
    "draw",
    "encode",
    "labels",
    "mirrored",
    "neutral",
    "random_factors",
    "values",
    "visible",
]
