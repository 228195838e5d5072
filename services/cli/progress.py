"""A progress bar on a terminal; in a log, one line at the end."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Step = Callable[[int, int, str], None]
"""(done, of how many, what is in hand)."""


@contextlib.contextmanager
def progress_bar(label: str) -> Iterator[Step]:
    """Show how far a long work is, on stderr."""
    console = Console(stderr=True)
    started = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(label, total=None)

        def step(done: int, total: int, what: str) -> None:
            progress.update(task, completed=done, total=total, description=f"{label} {what}")

        yield step
    if not sys.stderr.isatty():
        print(f"{label}: {time.monotonic() - started:.1f} s", file=sys.stderr)
