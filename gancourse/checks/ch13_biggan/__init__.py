"""Checks of the notebook 13_biggan."""
