"""One generation of a service's views: their tables and how they are read, in the file of the sink that feeds them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Column, MetaData, Table, Text, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.schema import CreateTable

from services.chassis.registry import EventRegistry
from services.chassis.sink_database import SinkDatabase
from services.chassis.views import FoldedView, StoredFact, ViewSpec

CACHED_ROWS = 20_000


class ViewDatabase(SinkDatabase):
    """The tables of some views, and the rows last used at hand; a Reader of them."""

    def __init__(self, path: Path, views: Sequence[ViewSpec], registry: EventRegistry, *, durable: bool = True) -> None:
        self.views = {view.name: view for view in views}
        self.registry = registry
        metadata = MetaData()
        self.tables = {view.name: view.table(metadata) for view in views}
        self.about = Table("about", metadata, Column("key", Text, primary_key=True), Column("value", Text))
        self._decoders = {view.name: msgspec.json.Decoder(view.row) for view in views if isinstance(view, FoldedView)}
        self._cache: dict[tuple[str, str], Any] = {}
        self._cache_lock = threading.Lock()
        super().__init__(path, metadata, durable=durable)

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
        with self.engine.begin() as connection:
            fields = {"store_id": store_id, "fingerprint": self.fingerprint()}
            connection.execute(
                insert(self.about).on_conflict_do_nothing(), [{"key": k, "value": v} for k, v in fields.items()]
            )

    def get(self, view: str, key: str) -> Any:
        place = (view, key)
        found = self._cache.get(place)
        if found is not None:
            return found
        with self._cache_lock:
            found = self.load(view, [key]).get(key)
            if found is not None:
                self._remember({place: found})
        return found

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

    def load(self, view: str, keys: Sequence[str]) -> dict[str, Any]:
        """The folded rows of these keys, from the tables."""
        table, decoder = self.tables[view], self._decoders[view]
        found: dict[str, Any] = {}
        with self.engine.connect() as connection:
            for start in range(0, len(keys), 500):
                query = select(table.c.key, table.c.row).where(table.c.key.in_(keys[start : start + 500]))
                found.update((key, decoder.decode(row)) for key, row in connection.execute(query))
        return found

    def cached(self, view: str, keys: Iterable[str]) -> dict[str, Any]:
        """Those of the keys whose rows are at hand, without asking the database."""
        cache = self._cache
        return {key: row for key in keys if (row := cache.get((view, key))) is not None}

    def publish(self, rows: Mapping[tuple[str, str], Any]) -> None:
        """Let readers see these rows (None: it is gone); called by the consumer after its commit."""
        with self._cache_lock:
            self._remember({place: row for place, row in rows.items() if row is not None})
            for place, row in rows.items():
                if row is None:
                    self._cache.pop(place, None)

    def _remember(self, rows: Mapping[tuple[str, str], Any]) -> None:
        self._cache.update(rows)
        while len(self._cache) > CACHED_ROWS:
            del self._cache[next(iter(self._cache))]

    def checksum(self) -> dict[str, str]:
        """SHA-256 of each view's rows in key order: equal for equal facts, however they were delivered."""
        sums = {}
        for name, table in self.tables.items():
            digest = hashlib.sha256()
            kept = [column for column in table.columns if not (column.name == "position" and "row" in table.columns)]
            with self.engine.connect() as connection:
                for row in connection.execute(select(*kept).order_by(*table.primary_key.columns)):
                    digest.update(msgspec.json.encode(tuple(row)))
                    digest.update(b"\n")
            sums[name] = digest.hexdigest()
        return sums
