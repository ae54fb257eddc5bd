"""Tests of the package, the book, the slides and the exercises."""
