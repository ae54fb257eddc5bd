"""From the command line's words to a command."""

from __future__ import annotations

import logging
import sys

from gancourse.cli import commands
from gancourse.cli.errors import WRONG_INPUT, one_line_errors
from gancourse.cli.options import called_later
from gancourse.cli.trainings import list_recipes, resume, train
from gancourse.names import lookup

COMMANDS = {
    "resume": resume,
    "sample": commands.sample,
    "evaluate": commands.evaluate,
    "report": commands.report,
    "film": commands.film,
    "experiment": commands.experiment,
    "check": commands.check,
    "zoo": commands.list_zoo,
    "zoo-add": commands.add_to_zoo,
    "recipes": list_recipes,
}
"""All but `train`."""
READ_THEIR_OWN = (train, commands.sample)
"""Their options depend on the recipe."""


def _dispatch(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print("usage: gancourse COMMAND …\n\n  train       train a recipe; every option of it is one of the command")
        for name, function in COMMANDS.items():
            about = function.__doc__.splitlines()[0].rstrip(".")
            print(f"  {name:11} {about[0].lower()}{about[1:]}")
        print("\n`gancourse COMMAND --help` says more.")
        if not arguments:
            sys.exit(WRONG_INPUT)
        return
    command = lookup({"train": train} | COMMANDS, arguments[0], "command")
    if command in READ_THEIR_OWN:
        command(arguments[1:])
    else:
        called_later(command, arguments[1:], f"gancourse {arguments[0]}")()


def main(arguments: list[str] | None = None) -> None:
    """Entry point; errors in what was asked are one line and exit code 2."""
    logging.captureWarnings(True)
    with one_line_errors():
        _dispatch(sys.argv[1:] if arguments is None else arguments)
