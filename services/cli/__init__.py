"""The command line: `bizenv --help`."""

from services.cli.app import main

__all__ = ["main"]
