"""Checks of the notebook 11_multiscale."""
