"""Checks of the notebook 10_conditional_gans."""
