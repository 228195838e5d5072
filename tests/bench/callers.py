"""Callers on threads that all begin at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def rate(callers: int, each: int, work: Callable[[int, int], object]) -> float:
    """Calls a second over all callers: caller `n` makes `work(n, 0)`, `work(n, 1)`, … `each` in all, in order.

    Raises what a caller raised.
    """
    gate = threading.Barrier(callers + 1)
    failures: list[Exception] = []

    def call(number: int) -> None:
        gate.wait()
        try:
            for turn in range(each):
                work(number, turn)
        except Exception as error:  # noqa: BLE001 - raised again by the caller of `rate`
            failures.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    gate.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return callers * each / (time.perf_counter() - started)
