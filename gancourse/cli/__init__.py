"""The command line: gancourse train, resume, sample, evaluate, report, film, experiment, check, zoo, recipes."""

from gancourse.cli.dispatch import main

__all__ = ["main"]
