"""Checks of the notebook 08_evaluation."""
