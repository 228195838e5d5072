"""What a person sees meanwhile: a line that changes in place on a terminal, a line for each change in a log."""

from __future__ import annotations

import sys

WIDTH = 100


class Teller:
    """Says things on stdout."""

    def __init__(self) -> None:
        self._shown = ""
        self._open = False

    def say(self, sentence: str) -> None:
        """A line that stays."""
        self.end_line()
        print(sentence, flush=True)

    def progress(self, label: str, done: int, total: int, what: str = "") -> None:
        """How far it is. A log gets a line when `done` changes only."""
        bar = f"{label} [{'█' * (20 * done // total)}{'·' * (20 - 20 * done // total)}] {done}/{total}"
        if sys.stdout.isatty():
            print(f"\r{bar} {what[:WIDTH]}\033[K", end="", flush=True)
            self._open = True
        elif bar != self._shown:
            print(f"{bar} {what[:WIDTH]}", flush=True)
        self._shown = bar

    def end_line(self) -> None:
        """Begin a new line where one is being changed in place."""
        if self._open:
            print(flush=True)
        self._open = False
