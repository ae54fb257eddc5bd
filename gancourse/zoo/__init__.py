"""Trained networks that lie in the package, each with its recipe, its metrics and the command that reproduces it."""

from gancourse.zoo.cards import FOLDER, Card, add, card, cards, load
from gancourse.zoo.evaluation import evaluate, features, judge, samples
from gancourse.zoo.extractors import Extractor, extractor
from gancourse.zoo.references import load_statistics, reference, save_statistics
from gancourse.zoo.stacked import stacked_coverage, stacked_labels

__all__ = [
    "FOLDER",
    "Card",
    "Extractor",
    "add",
    "card",
    "cards",
    "evaluate",
    "extractor",
    "features",
    "judge",
    "load",
    "load_statistics",
    "reference",
    "samples",
    "save_statistics",
    "stacked_coverage",
    "stacked_labels",
]
