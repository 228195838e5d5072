"""One generation of a service's views: their tables and how they are read, in the place of the sink that feeds them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, MetaData, Table, Text, select
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from services.chassis.bus.port import Source
from services.chassis.registry import EventRegistry
from services.chassis.sinks.database import Checkpoint, SinkDatabase
from services.chassis.sinks.place import SinkPlace
from services.chassis.sinks.row_insert import KEEPING
from services.chassis.views.row_cache import Place, RowCache
from services.chassis.views.view import FoldedView, StoredFact, ViewSpec

LOOK_SECONDS = 0.03
"""How old what readers have at hand may be, beside other processes that write."""

OVERDUE_SECONDS = 0.25
"""Where a thread looks every LOOK_SECONDS, a reader that finds nobody has for so long looks by itself."""

_SEEN = """
SELECT p.facts, c."service", c."partition", c."epoch", c."position", c."offset"
FROM (SELECT count(*) AS facts FROM parked) p LEFT JOIN checkpoints c ON true
"""
"""How much is parked, and the checkpoints; where there are none, one row of NULLs."""

CHECKSUM_PAGE = 1000
"""Rows fetched at a time, so that a checksum's memory does not grow with its view."""


class ViewDatabase(SinkDatabase):
    """The tables of some views, and the rows last used at hand; a Reader of them."""

    def __init__(
        self, place: SinkPlace | Path, views: Sequence[ViewSpec], registry: EventRegistry, *, durable: bool = True
    ) -> None:
        self.views = {view.name: view for view in views}
        self.registry = registry
        metadata = MetaData()
        self.tables = {view.name: view.table(metadata) for view in views}
        self.about = Table("about", metadata, Column("key", Text, primary_key=True), Column("value", Text))
        self._decoders = {view.name: msgspec.json.Decoder(view.row) for view in views if isinstance(view, FoldedView)}
        super().__init__(place, metadata, durable=durable)
        self._cache = RowCache(self._decode, several_writers=self.place.several_writers)
        self._looking = threading.Lock()
        self._looked = 0.0
        self._rows: Sequence[Any] = ()
        self._seen: Mapping[Source, Checkpoint] = {}
        self._seen_parked = -1
        self._moved: dict[Source, Checkpoint] = {}
        self.asked_at = 0.0
        """When a reader last asked for a row, by the monotonic clock."""
        self.overdue_seconds = LOOK_SECONDS

    def fingerprint(self) -> str:
        """Changes when the views' tables, the shape of their rows or the meaning of their handlers change."""
        parts = [str(CreateTable(table)) for table in self.tables.values()]
        parts += [f"{view.name}:{view.revision}" for view in self.views.values()]
        parts += [repr(msgspec.json.schema(v.row)) for v in self.views.values() if isinstance(v, FoldedView)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def identity(self) -> dict[str, str]:
        """What `identify` wrote when the generation was made: `store_id` and `fingerprint`; empty: new."""
        with self.engine.connect() as connection:
            return {row.key: row.value for row in connection.execute(select(self.about))}

    def identify(self, store_id: str) -> None:
        fields = {"store_id": store_id, "fingerprint": self.fingerprint()}
        write = self.place.statement("INSERT INTO about", list(self.about.columns), KEEPING)
        with self.engine.begin() as connection:
            write.run(connection, list(fields.items()))

    def get(self, view: str, key: str) -> Any:
        if self.place.several_writers:
            self.asked_at = time.monotonic()
            if self._overdue():
                with self._looking:
                    if self._overdue():  # else another reader has looked meanwhile
                        self._look()
        return self._cache.get((view, key), self._fetch)

    def look(self) -> Mapping[Source, Checkpoint]:
        """How far the views are by now. Where another process has moved them on, or has taken up what was parked,
        the rows at hand for readers are renewed first."""
        with self._looking:
            return self._look()

    def _overdue(self) -> bool:
        return time.monotonic() - self._looked > self.overdue_seconds

    def _look(self) -> Mapping[Source, Checkpoint]:
        began = time.monotonic()
        rows = self.kept.rows(_SEEN)
        if rows != self._rows:
            self._note(rows)
        self._looked = began
        return self._seen

    def _note(self, rows: Sequence[Any]) -> None:
        parked = rows[0][0]
        seen = {(service, number): Checkpoint(*at) for _, service, number, *at in rows if service is not None}
        if parked != self._seen_parked or any(self._by_others(source, at) for source, at in seen.items()):
            self._cache.renew(self._fetch)
        self._rows, self._seen, self._seen_parked = rows, seen, parked

    def _by_others(self, source: Source, at: Checkpoint) -> bool:
        """Whether another process has moved this checkpoint since the last look."""
        return at not in (self._seen.get(source), self._moved.get(source))

    def _fetch(self, places: Sequence[Place]) -> dict[Place, bytes]:
        """The rows of these places, as they are written."""
        keys: dict[str, list[str]] = {}
        for view, key in places:
            keys.setdefault(view, []).append(key)
        with self.engine.connect() as connection:
            return {
                (view, key): raw for view, wanted in keys.items() for key, raw in self._raw(view, wanted, connection)
            }

    def _raw(self, view: str, keys: Sequence[str], connection: Connection) -> Iterable[tuple[str, bytes]]:
        table = self.tables[view]
        for start in range(0, len(keys), 500):
            query = select(table.c.key, table.c.row).where(self.place.among(table.c.key, keys[start : start + 500]))
            yield from ((key, bytes(raw)) for key, raw in connection.execute(query))

    def _decode(self, view: str, raw: bytes) -> Any:
        return self._decoders[view].decode(raw)

    def rows(self, view: str) -> Iterable[tuple[str, Any]]:
        table, decoder = self.tables[view], self._decoders[view]
        query = select(table.c.key, table.c.row).order_by(table.c.key)
        return [(key, decoder.decode(row)) for key, row in self.execute(query)]

    def facts(self, view: str, key: str | None = None, recorded_before: int | None = None) -> Sequence[StoredFact]:
        table = self.tables[view]
        query = select(table).order_by(table.c.occurred_on, table.c.position)
        if key is not None:
            query = query.where(table.c.key == key)
        if recorded_before is not None:
            query = query.where(table.c.recorded_at < recorded_before)
        return [self._fact(row) for row in self.execute(query)]

    def table(self, view: str) -> Table:
        return self.tables[view]

    def _fact(self, row: Any) -> StoredFact:
        return StoredFact(
            service=row.service,
            position=row.position,
            key=row.key,
            stream=row.stream,
            version=row.version,
            type=row.type,
            occurred_on=row.occurred_on,
            recorded_at=row.recorded_at,
            actor=row.actor,
            command_id=row.command_id,
            event=self.registry.decode(row.type, row.data),
        )

    def load(self, view: str, keys: Sequence[str], connection: Connection | None = None) -> dict[str, Any]:
        """The folded rows of these keys, from the tables; within the connection's transaction where there is one."""
        if connection is None:
            with self.engine.connect() as opened:
                return self.load(view, keys, opened)
        return {key: self._decode(view, raw) for key, raw in self._raw(view, keys, connection)}

    @property
    def age(self) -> int:
        """Changes whenever another process is found to have written."""
        return self._cache.age

    def at_hand(self, view: str, keys: Iterable[str]) -> dict[str, Any]:
        """Those of the keys whose rows the consumer may go on from without asking the database."""
        return self._cache.own(view, keys)

    def publish(self, rows: Mapping[Place, Any], age: int, moved: Mapping[Source, Checkpoint]) -> None:
        """Let readers see these rows (None: it is gone), folded at this age; called by the consumer after its commit,
        which has moved these checkpoints."""
        self._moved.update(moved)
        self._cache.publish(rows, lambda place: not self.written_together(place[0]), age)

    def forget(self) -> None:
        """Forget all rows at hand: other partitions are this consumer's from now on, or another process was faster."""
        self._cache.forget()

    def written_together(self, view: str) -> bool:
        """Whether several processes may write one row of this view."""
        spec = self.views[view]
        return self.place.several_writers and isinstance(spec, FoldedView) and spec.shared

    def checksum(self, connection: Connection | None = None) -> dict[str, str]:
        """SHA-256 of each view's rows in key order: equal for equal facts, however they were delivered. Within the
        connection's transaction where there is one."""
        if connection is None:
            with self.engine.connect() as opened:
                return self.checksum(opened)
        return {name: _checksum(connection, table) for name, table in self.tables.items()}


def _checksum(connection: Connection, table: Table) -> str:
    digest = hashlib.sha256()
    kept = [column for column in table.columns if not (column.name == "position" and "row" in table.columns)]
    query = select(*kept).order_by(*table.primary_key.columns).execution_options(yield_per=CHECKSUM_PAGE)
    for row in connection.execute(query):
        digest.update(msgspec.json.encode(tuple(row)))
        digest.update(b"\n")
    return digest.hexdigest()
