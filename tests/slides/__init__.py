"""Tests of the slides."""
