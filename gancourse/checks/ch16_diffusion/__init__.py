"""Checks of the notebook 16_diffusion."""
