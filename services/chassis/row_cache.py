"""The rows of one generation of views that were used last, for its readers and for the consumer that feeds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

CACHED_ROWS = 20_000

Place = tuple[str, str]
"""(view, key) of a folded row."""


class RowCache:
    """What readers are shown follows every process's commits; what the consumer goes on from holds only rows that
    nobody else writes while it holds their partitions. Where one process writes, both are one.

    `age` counts how often the rows for readers were forgotten: a row that was read or folded at an earlier age may be
    older than what another process has committed since.
    """

    def __init__(self, *, several_writers: bool) -> None:
        self._shown: dict[Place, Any] = {}
        self._own: dict[Place, Any] = {} if several_writers else self._shown
        self._lock = threading.Lock()
        self.age = 0

    def get(self, place: Place, load: Callable[[], Any]) -> Any:
        """The row for readers; `load` reads it where it is not at hand (None: there is none)."""
        found = self._shown.get(place)
        if found is not None:
            return found
        with self._lock:
            found = load()
            if found is not None:
                _remember(self._shown, {place: found})
        return found

    def own(self, view: str, keys: Iterable[str]) -> dict[str, Any]:
        """Those of the keys whose rows the consumer has at hand."""
        own = self._own
        return {key: row for key in keys if (row := own.get((view, key))) is not None}

    def publish(self, rows: Mapping[Place, Any], own: Callable[[Place], bool], age: int) -> None:
        """Let readers see these rows (None: it is gone), which were folded at this age; the consumer goes on from its
        own."""
        with self._lock:
            if self._own is not self._shown:
                _put(self._own, {place: row for place, row in rows.items() if own(place)})
            _put(self._shown, rows if age == self.age else dict.fromkeys(rows))

    def forget_shown(self) -> None:
        """Another process has written."""
        with self._lock:
            self.age += 1
            self._shown.clear()

    def forget(self) -> None:
        """Other partitions are this consumer's from now on, or another process was faster."""
        with self._lock:
            self.age += 1
            self._shown.clear()
            self._own.clear()


def _put(cache: dict[Place, Any], rows: Mapping[Place, Any]) -> None:
    _remember(cache, {place: row for place, row in rows.items() if row is not None})
    for place, row in rows.items():
        if row is None:
            cache.pop(place, None)


def _remember(cache: dict[Place, Any], rows: Mapping[Place, Any]) -> None:
    cache.update(rows)
    while len(cache) > CACHED_ROWS:
        del cache[next(iter(cache))]
