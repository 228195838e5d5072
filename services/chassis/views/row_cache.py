"""The rows of one generation of views that were used last, for its readers and for the consumer that feeds it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

CACHED_ROWS = 20_000
ASKED_ROWS = 64
"""Rows that are read again ahead of their readers, at the most."""

Place = tuple[str, str]
"""(view, key) of a folded row."""

Fetch = Callable[[Sequence[Place]], Mapping[Place, bytes]]
"""The rows of these places, as they are written."""


class RowCache:
    """What readers are shown follows every process's commits; what the consumer goes on from holds only rows that
    nobody else writes while it holds their partitions. Where one process writes, both are one.

    `age` counts how often the rows for readers were renewed or forgotten: a row that was folded at an earlier age may
    be older than what another process has committed since.
    """

    def __init__(self, decode: Callable[[str, bytes], Any], *, several_writers: bool) -> None:
        """`decode`: the row of a view from what is written."""
        self._decode = decode
        self._shared = several_writers
        self._shown: dict[Place, Any] = {}
        self._own: dict[Place, Any] = {} if several_writers else self._shown
        self._written: dict[Place, bytes] = {}
        self._asked: dict[Place, None] = {}
        self._lock = threading.Lock()
        self.age = 0

    def get(self, place: Place, fetch: Fetch) -> Any:
        """The row for readers, read where it is not at hand; None: there is none."""
        if self._shared and len(self._asked) < ASKED_ROWS:
            self._asked[place] = None
        found = self._shown.get(place)
        if found is not None:
            return found
        with self._lock:
            found = self._shown.get(place)  # another reader may have read it meanwhile
            return self._read([place], fetch, self._shown).get(place) if found is None else found

    def renew(self, fetch: Fetch) -> None:
        """Another process has written: read again what readers asked for lately, and forget the rest."""
        with self._lock:
            asked, self._asked = list(self._asked), {}
            before, written = self._shown, self._written
            self.age += 1
            shown: dict[Place, Any] = {}
            self._written = {}
            for place, raw in fetch(asked).items():
                same = place in before and written.get(place) == raw
                shown[place] = before[place] if same else self._decode(place[0], raw)
                self._written[place] = raw
            self._shown = shown

    def _read(self, places: Sequence[Place], fetch: Fetch, shown: dict[Place, Any]) -> Mapping[Place, Any]:
        found = fetch(places)
        rows = {place: self._decode(place[0], raw) for place, raw in found.items()}
        _remember(shown, rows)
        if self._shared:
            _remember(self._written, found)
        return rows

    def own(self, view: str, keys: Iterable[str]) -> dict[str, Any]:
        """Those of the keys whose rows the consumer has at hand."""
        own = self._own
        return {key: row for key in keys if (row := own.get((view, key))) is not None}

    def publish(self, rows: Mapping[Place, Any], own: Callable[[Place], bool], age: int) -> None:
        """Let readers see these rows (None: it is gone), which were folded at this age; the consumer goes on from its
        own."""
        with self._lock:
            if self._shared:
                _put(self._own, {place: row for place, row in rows.items() if own(place)})
                for place in rows:
                    self._written.pop(place, None)
            _put(self._shown, rows if age == self.age else dict.fromkeys(rows))

    def forget(self) -> None:
        """Other partitions are this consumer's from now on, or another process was faster."""
        with self._lock:
            self.age += 1
            self._shown.clear()
            self._own.clear()
            self._written.clear()


def _put(cache: dict[Place, Any], rows: Mapping[Place, Any]) -> None:
    _remember(cache, {place: row for place, row in rows.items() if row is not None})
    for place, row in rows.items():
        if row is None:
            cache.pop(place, None)


def _remember(cache: dict[Place, Any], rows: Mapping[Place, Any]) -> None:
    cache.update(rows)
    while len(cache) > CACHED_ROWS:
        del cache[next(iter(cache))]
