"""Checks of the notebook 02_gan_game."""
