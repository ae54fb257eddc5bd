"""Tables of methods × seeds, run side by side, whose rows the chapters print."""

from gancourse.experiments.table import Experiment, Summary, experiment, experiments, rows, run, summary

__all__ = ["Experiment", "Summary", "experiment", "experiments", "rows", "run", "summary"]
