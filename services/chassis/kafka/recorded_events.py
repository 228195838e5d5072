"""Whether the stores have the events that their topics name, asked before anything follows from them.

A record that looks like the next one of its partition and is none would move checkpoints to where the store has
nothing, and what its facts set off would stand for good. A topic can't tell that; the store of its service can, and all
stores of a city are in one database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby, pairwise
from typing import Any

import msgspec
import psycopg
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from services.chassis.bus.port import NOT_RECORDED, Delivery
from services.chassis.registry import MalformedEvent

_GIVEN = """
SELECT g.number - 1 FROM unnest(%s::bigint[], %s::text[], %s::bigint[]) WITH ORDINALITY
  AS g(position, stream, version, number)
"""
_UNKNOWN = f"""{_GIVEN} WHERE (SELECT e.stream = g.stream AND e.version = g.version
  FROM "{{service}}".events e WHERE e.position = g.position) IS NOT TRUE
"""
"""One look by key for each, also where the planner would rather read all of a table that it thinks small."""
_ELSEWHERE = f"""{_GIVEN} WHERE (SELECT e.position <> g.position
  FROM "{{service}}".events e WHERE e.stream = g.stream AND e.version = g.version)
"""
_HEAD = """
SELECT (SELECT coalesce(max(position), 0) FROM "{service}".events),
  (SELECT value::bigint FROM "{service}".store WHERE key = 'epoch')
"""

_Names = tuple[list[int], list[str], list[int]]
"""Positions, streams and versions."""

Refuse = Callable[[Delivery, MalformedEvent], None]
"""Told of what is none of the store's events."""


class RecordedEvents:
    """Asks the stores in one database, over the connections of one of them. Any thread may use it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, deliveries: Sequence[Delivery], refuse: Refuse) -> list[Delivery]:
        """Those that the stores have, in one question for each service. What lies behind all that a store has, and not
        elsewhere in it, is handed on as NOT_RECORDED: the store may have been put back, and have it again later.
        Raises SQLAlchemyError."""
        found: list[Delivery] = []
        for service, group in groupby(deliveries, key=lambda delivery: delivery.envelope.service):
            found += self._of_store(service, list(group), refuse)
        return found

    def _of_store(self, service: str, deliveries: list[Delivery], refuse: Refuse) -> list[Delivery]:
        if not self._numbers(_UNKNOWN, service, _names(_to_ask(deliveries))):
            return deliveries
        names = _names(deliveries)
        unknown = self._numbers(_UNKNOWN, service, names)
        ((head, epoch),) = self._ask(_HEAD.format(service=service))
        elsewhere = self._numbers(_ELSEWHERE, service, names)
        found: list[Delivery] = []
        for number, delivery in enumerate(deliveries):
            envelope = delivery.envelope
            if number not in unknown:
                found.append(delivery)
            elif envelope.position > head and envelope.epoch >= epoch and number not in elsewhere:
                found.append(msgspec.structs.replace(delivery, previous=NOT_RECORDED))
            else:
                refuse(
                    delivery, MalformedEvent(f"the store has no event {envelope.id} at position {envelope.position}")
                )
        return found

    def _numbers(self, query: str, service: str, names: _Names) -> set[int]:
        return {row[0] for row in self._ask(query.format(service=service), *names)}

    def _ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Planned for these values each time: a plan that was made for an empty table would be kept."""
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, psycopg.Connection)
            try:
                return raw.execute(query.encode(), values, prepare=False).fetchall()
            except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
                return []  # there is no such store here, or it is not ours to read: nothing is refused
            except psycopg.Error as error:
                if raw.broken:
                    connection.invalidate(error)  # SQLAlchemy has not seen it break
                raise OperationalError(query, None, error) from error


def _to_ask(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Of a partition whose records follow each on the one before, the last stands for all: one that was put between
    them is named by none. Of any other partition, all."""
    of_partition: dict[int, list[Delivery]] = {}
    for delivery in deliveries:
        of_partition.setdefault(delivery.envelope.partition, []).append(delivery)
    found: list[Delivery] = []
    for each in of_partition.values():
        linked = all(after.previous == before.envelope.position for before, after in pairwise(each))
        found += each[-1:] if linked else each
    return found


def _names(deliveries: Sequence[Delivery]) -> _Names:
    """No stream of a store has a NUL in its name, and none can be asked for."""
    envelopes = [delivery.envelope for delivery in deliveries]
    streams = ["" if "\0" in envelope.stream else envelope.stream for envelope in envelopes]
    return [envelope.position for envelope in envelopes], streams, [envelope.version for envelope in envelopes]
