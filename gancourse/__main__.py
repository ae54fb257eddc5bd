"""`python -m gancourse` is the command line."""

from gancourse.cli import main

main()
