"""Tables of methods × seeds, run side by side, whose rows the chapters print."""

from gancourse.experiments.catalogue import experiment, experiments
from gancourse.experiments.table import FOLDER, Experiment, Summary, play, rows, run, summary

__all__ = ["FOLDER", "Experiment", "Summary", "experiment", "experiments", "play", "rows", "run", "summary"]
