"""How a serving process ends when it is told to: from its first moment on, and within a bound.

A thread of its own hears of SIGTERM and SIGINT, whatever the main thread is held up by. While the process starts it
ends there and then, with exit code 0: nothing was acknowledged yet, and what it was about to write is written whole or
not at all. Once it serves it finishes what is in hand; what a server that stands still keeps it from finishing in time
is left as a crash would leave it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
from collections.abc import Callable

NOT_IN_TIME = 3
"""The exit code of a process that was not done within its bound."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Ending:
    """The end of this process. Any thread may use it."""

    def __init__(self) -> None:
        """To be called on the main thread."""
        self._changing = threading.Lock()
        self._stop: Callable[[], None] | None = None
        self._seconds = 0.0
        self._bound: threading.Timer | None = None
        self._read_end, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)
        threading.Thread(target=self._heed, name="signals", daemon=True).start()

    def serving(self, stop: Callable[[], None], seconds: float) -> None:
        """From now on a signal calls `stop`, from another thread; `seconds` after it, or after `begin`, the process
        ends with NOT_IN_TIME, wherever it is."""
        with self._changing:
            self._stop, self._seconds = stop, seconds

    def begin(self) -> None:
        """The process is to end, for whatever reason."""
        with self._changing:
            if self._bound is None:
                self._bound = threading.Timer(self._seconds, self._give_up)
                self._bound.daemon = True
                self._bound.start()

    def _heed(self) -> None:
        while number := os.read(self._read_end, 1):
            if number[0] not in _SIGNALS:
                continue
            with self._changing:
                stop = self._stop
                if stop is None:
                    os._exit(0)
            self.begin()
            stop()

    def _give_up(self) -> None:
        from services.chassis.telemetry.logs import logger  # noqa: PLC0415 - slow to load, and signals don't wait

        logger(__name__).critical("not stopped in time", seconds=self._seconds, exit_code=NOT_IN_TIME)
        with contextlib.suppress(OSError):
            sys.stderr.flush()
        os._exit(NOT_IN_TIME)


@functools.cache
def heed_signals() -> Ending:
    """The one of this process; signals are heeded from the first call on."""
    return Ending()
