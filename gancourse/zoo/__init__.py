"""Trained networks that lie in the package, each with its recipe, its metrics and the command that reproduces it."""

from gancourse.zoo.cards import FOLDER, Card, add, card, cards, load
from gancourse.zoo.evaluation import evaluate, features, samples

__all__ = ["FOLDER", "Card", "add", "card", "cards", "evaluate", "features", "load", "samples"]
