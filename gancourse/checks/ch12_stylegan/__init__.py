"""Checks of the notebook 12_stylegan."""
