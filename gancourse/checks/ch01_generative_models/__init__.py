"""Checks of the notebook 01_generative_models."""
