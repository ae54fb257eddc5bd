"""Trained networks that lie in the package, each with its recipe, its metrics and the command that reproduces it."""

from gancourse.zoo.evaluation import Trained, evaluate, features, judge, samples, sampling_of, trained
from gancourse.zoo.extractors import Extractor, extractor
from gancourse.zoo.judges import JUDGES, Judge, judge_of
from gancourse.zoo.references import load_statistics, reference, save_statistics
from gancourse.zoo.stacked import stacked_coverage, stacked_labels
from gancourse.zoo.storage import FOLDER, Card, add, card, cards, command_of, load, untrained

__all__ = [
    "FOLDER",
    "JUDGES",
    "Card",
    "Extractor",
    "Judge",
    "Trained",
    "add",
    "card",
    "cards",
    "command_of",
    "evaluate",
    "extractor",
    "features",
    "judge",
    "judge_of",
    "load",
    "load_statistics",
    "reference",
    "samples",
    "sampling_of",
    "save_statistics",
    "stacked_coverage",
    "stacked_labels",
    "trained",
    "untrained",
]
