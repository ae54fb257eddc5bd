"""Tables of methods × seeds, run side by side, whose rows the chapters print."""

from gancourse.experiments.table import FOLDER, Experiment, Summary, experiment, experiments, rows, run, summary

__all__ = ["FOLDER", "Experiment", "Summary", "experiment", "experiments", "rows", "run", "summary"]
