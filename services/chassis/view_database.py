"""One generation of a service's views: the view tables, the checkpoints and the parked streams in one database,
so that a view write and its checkpoint are one transaction."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    Select,
    Table,
    Text,
    select,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateTable

from services.chassis.bus import Source
from services.chassis.registry import EventRegistry
from services.chassis.row_insert import RowInsert, replacing
from services.chassis.view_file import ViewFile
from services.chassis.views import FoldedView, StoredFact, ViewSpec

CACHED_ROWS = 20_000


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a source was applied: the last position of its partition, under which store epoch, and where the
    bus goes on after it."""

    epoch: int = 0
    position: int = 0
    offset: int = 0


class ParkedFact(msgspec.Struct, frozen=True):
    """A delivery set aside: the poisoned one (`error` says why) or one behind it on the same stream."""

    service: str
    position: int
    stream: str
    version: int
    type: str
    error: str
    parked_at: int
    envelope: bytes


class ViewDatabase:
    """The tables of some views in one SQLite file. One consumer writes; any number of threads read.

    The file is synchronous=NORMAL: after a power cut it may be some transactions behind, never torn, and the
    consumer reads on from its checkpoint. Where the file is damaged, opening, reading and writing raise Unavailable.
    """

    def __init__(self, path: Path, views: Sequence[ViewSpec], registry: EventRegistry, *, durable: bool = True) -> None:
        self.path = path
        self.views = {view.name: view for view in views}
        self.registry = registry
        self._metadata = MetaData()
        self.tables = {view.name: view.table(self._metadata) for view in views}
        self._system_tables()
        self._decoders = {view.name: msgspec.json.Decoder(view.row) for view in views if isinstance(view, FoldedView)}
        self._cache: dict[tuple[str, str], Any] = {}
        self._cache_lock = threading.Lock()
        self._file = ViewFile(path, durable=durable)
        self.engine = self._file.engine
        self._create()

    def _system_tables(self) -> None:
        self.checkpoints = Table(
            "checkpoints",
            self._metadata,
            Column("service", Text, primary_key=True),
            Column("partition", Integer, primary_key=True),
            Column("epoch", Integer, nullable=False),
            Column("position", BigInteger, nullable=False),
            Column("offset", BigInteger, nullable=False),
        )
        self.parked = Table(
            "parked",
            self._metadata,
            Column("service", Text, primary_key=True),
            Column("position", BigInteger, primary_key=True),
            Column("stream", Text, nullable=False, index=True),
            Column("version", Integer, nullable=False),
            Column("type", Text, nullable=False),
            Column("error", Text, nullable=False),
            Column("parked_at", BigInteger, nullable=False),
            Column("envelope", LargeBinary, nullable=False),
            Column("retry", Boolean, nullable=False, default=False),
        )
        self._upsert_checkpoints = RowInsert(
            "checkpoints", 5, conflict=replacing(("service", "partition"), ("epoch", "position", "offset"))
        )
        self.about = Table("about", self._metadata, Column("key", Text, primary_key=True), Column("value", Text))

    def _create(self) -> None:
        try:
            self._metadata.create_all(self.engine)
        except BaseException:
            self.close()
            raise

    @property
    def damage(self) -> str | None:
        """What is wrong with the file, as far as anyone came upon it; None: nothing is known."""
        return self._file.damage

    def flaw(self) -> str | None:
        """What is wrong with the file, looked for all over it; None: nothing."""
        return self._file.flaw()

    def close(self) -> None:
        self.engine.dispose()

    # --- what it was built for ------------------------------------------------------------------------------

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

    # --- reading (the Reader port) --------------------------------------------------------------------------

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

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).fetchall()

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

    # --- checkpoints and parked streams ---------------------------------------------------------------------

    def read_checkpoints(self) -> dict[Source, Checkpoint]:
        with self.engine.connect() as connection:
            rows = connection.execute(select(self.checkpoints)).fetchall()
        return {(row.service, row.partition): Checkpoint(row.epoch, row.position, row.offset) for row in rows}

    def write_checkpoints(self, connection: Connection, moved: Mapping[Source, Checkpoint]) -> None:
        rows = [(service, partition, at.epoch, at.position, at.offset) for (service, partition), at in moved.items()]
        self.write(connection, self._upsert_checkpoints, rows)

    def write(self, connection: Connection, insert: RowInsert, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows within the connection's transaction."""
        for text, values in insert.parts(rows):
            connection.exec_driver_sql(text, values)

    def park(self, connection: Connection, facts: Sequence[ParkedFact]) -> None:
        if facts:
            rows = [{**msgspec.structs.asdict(fact), "retry": False} for fact in facts]
            connection.execute(insert(self.parked).on_conflict_do_nothing(), rows)

    def unpark(self, connection: Connection, facts: Sequence[ParkedFact]) -> None:
        for fact in facts:
            where = (self.parked.c.service == fact.service) & (self.parked.c.position == fact.position)
            connection.execute(self.parked.delete().where(where))

    def read_parked(self, stream: str | None = None) -> list[ParkedFact]:
        query = select(self.parked).order_by(self.parked.c.service, self.parked.c.position)
        if stream is not None:
            query = query.where(self.parked.c.stream == stream)
        return [
            ParkedFact(**{name: getattr(row, name) for name in ParkedFact.__struct_fields__})
            for row in self.execute(query)
        ]

    def request_retry(self, stream: str | None = None) -> int:
        """Ask the consumer to try parked streams again (all, or one); returns how many facts wait."""
        change = self.parked.update().values(retry=True)
        if stream is not None:
            change = change.where(self.parked.c.stream == stream)
        with self.engine.begin() as connection:
            return int(connection.execute(change).rowcount)

    def go_on_after_restore(self, service: str, epoch: int, places: Mapping[int, tuple[int, int]], head: int) -> None:
        """A source's store was put back to `head`: go on in its new epoch from (position, offset) per partition, and
        forget what was parked of facts that are no more."""
        moved = {(service, partition): Checkpoint(epoch, *place) for partition, place in places.items()}
        gone = (self.parked.c.service == service) & (self.parked.c.position > head)
        with self.engine.begin() as connection:
            self.write_checkpoints(connection, moved)
            connection.execute(self.parked.delete().where(gone))

    def wanted_retries(self) -> list[str]:
        """The streams whose retry was asked for. A request stands until the stream is applied or refused again."""
        wanted = select(self.parked.c.stream).where(self.parked.c.retry).distinct()
        return [row.stream for row in self.execute(wanted)]

    def refuse_retry(self, stream: str) -> None:
        """The stream was tried and stays parked."""
        with self.engine.begin() as connection:
            connection.execute(self.parked.update().where(self.parked.c.stream == stream).values(retry=False))

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
