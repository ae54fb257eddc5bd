"""Checks of the notebook 03_optimal_discriminator."""
