"""Recipes, values only, a file for each kind of data; every recipe in a file's RECIPES is in the catalogue."""
