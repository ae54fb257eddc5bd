"""The error class that several layers share."""

from __future__ import annotations


class NotFiniteError(ValueError, FloatingPointError):
    """A loss, a gradient or a sample became infinite or not a number: the training has diverged."""
