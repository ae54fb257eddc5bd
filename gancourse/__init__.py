"""Companion package of the course on generative adversarial networks."""

__version__ = "0.1.0"
