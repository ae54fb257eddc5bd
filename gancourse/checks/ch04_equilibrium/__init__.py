"""Checks of the notebook 04_equilibrium."""
