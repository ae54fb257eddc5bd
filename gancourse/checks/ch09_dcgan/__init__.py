"""Checks of the notebook 09_dcgan."""
