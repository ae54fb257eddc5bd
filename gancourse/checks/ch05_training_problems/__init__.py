"""Checks of the notebook 05_training_problems."""
