"""Checks of the notebook 06_wasserstein."""
