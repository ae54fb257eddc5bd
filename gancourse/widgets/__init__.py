"""Figures to play with: they run in the reader's browser, without a kernel and without a network."""

from gancourse.widgets.bands import levels
from gancourse.widgets.browsing import browse
from gancourse.widgets.clouds import transport
from gancourse.widgets.drawing import Picture
from gancourse.widgets.film import scrub
from gancourse.widgets.gaussians import two_gaussians
from gancourse.widgets.kernel import steer_in_kernel
from gancourse.widgets.plane import dirac
from gancourse.widgets.reversal import diffuse
from gancourse.widgets.steering import record_faces, steer
from gancourse.widgets.stored import Pictures, Recording, pictures, recording
from gancourse.widgets.widget import Widget, at_width

__all__ = [
    "Picture",
    "Pictures",
    "Recording",
    "Widget",
    "at_width",
    "browse",
    "diffuse",
    "dirac",
    "levels",
    "pictures",
    "record_faces",
    "recording",
    "scrub",
    "steer",
    "steer_in_kernel",
    "transport",
    "two_gaussians",
]
