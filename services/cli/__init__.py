"""The command line: `bizenv --help`."""

from services.cli.main import main

__all__ = ["main"]
