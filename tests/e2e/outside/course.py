"""What the promise of order makes of the records of a topic: each event once, in its place, in constant space."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.e2e.outside.records import Record

Place = tuple[int, int]
"""Epoch and position of the last event that was taken of a partition."""


@dataclass
class Course:
    """Per partition one place, whatever the topic holds."""

    places: dict[int, Place] = field(default_factory=dict)
    again: int = 0
    """Records that came twice or late."""
    ahead: int = 0
    """Records before which something was missing when they came."""

    def take(self, records: Iterable[Record]) -> list[Record]:
        """Those that are next when they come, as they come."""
        return [record for record in records if self._is_next(record)]

    def _is_next(self, record: Record) -> bool:
        headers = dict(record.headers)
        epoch, position, previous = (int(headers[f"ce_{name}"]) for name in ("epoch", "position", "previous"))
        place = self.places.get(record.partition, (0, 0))
        if (epoch, position) <= place or epoch < place[0]:
            self.again += 1
            return False
        assert previous >= place[1], "the store was put back"
        if previous > place[1]:
            self.ahead += 1
            return False
        self.places[record.partition] = (epoch, position)
        return True


def unordered(records: Iterable[Record]) -> list[str]:
    """Events that came twice, or not behind the one before them on their stream."""
    seen: dict[bytes, int] = {}
    found: list[str] = []
    for record in records:
        headers = dict(record.headers)
        stream, sequence = headers["ce_source"] + b" " + headers["ce_subject"], int(headers["ce_sequence"])
        if sequence != seen.get(stream, 0) + 1:
            found.append(f"{stream.decode()}: {sequence} behind {seen.get(stream, 0)}")
        seen[stream] = sequence
    return found
