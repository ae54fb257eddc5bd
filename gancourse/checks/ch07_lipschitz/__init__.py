"""Checks of the notebook 07_lipschitz."""
