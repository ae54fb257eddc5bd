"""Pages of the book that a command writes."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def write(page: Callable[[], str], path: Path, about: str, arguments: list[str] | None = None) -> None:
    """Write a page to its file, or with --print to the terminal.

    Args:
        page: makes the text.
        path: of its file.
        about: what --help says; its first line is used.
        arguments: of the command line; those of the process if left out.
    """
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    if parser.parse_args(arguments).print:
        print(page())
    else:
        path.write_text(page(), encoding="utf-8")
