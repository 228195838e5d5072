"""What every sink keeps: how far it got and what it has set aside, in one SQLite file with what it makes of the facts,
so that this and its checkpoint are written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, Select, Table, Text, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine import Connection

from services.chassis.bus import Source
from services.chassis.row_insert import RowInsert, replacing
from services.chassis.view_file import ViewFile


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


def checkpoints_table(metadata: MetaData) -> Table:
    """A row for each source that was read."""
    return Table(
        "checkpoints",
        metadata,
        Column("service", Text, primary_key=True),
        Column("partition", Integer, primary_key=True),
        Column("epoch", Integer, nullable=False),
        Column("position", BigInteger, nullable=False),
        Column("offset", BigInteger, nullable=False),
    )


def parked_table(metadata: MetaData) -> Table:
    """A row for each fact set aside; `retry`: it was asked to try it again."""
    return Table(
        "parked",
        metadata,
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


class SinkDatabase:
    """The checkpoints and the parked streams of one sink, beside tables of its own. One consumer writes; any number of
    threads read.

    The file is synchronous=NORMAL: after a power cut it may be some transactions behind, never torn, and the
    consumer reads on from its checkpoint. Where the file is damaged, opening, reading and writing raise Unavailable.
    """

    def __init__(self, path: Path, own: MetaData | None = None, *, durable: bool = True) -> None:
        """`own` has the sink's own tables; all that are missing are made."""
        self.path = path
        metadata = MetaData() if own is None else own
        self.checkpoints, self.parked = checkpoints_table(metadata), parked_table(metadata)
        conflict = replacing(("service", "partition"), ("epoch", "position", "offset"))
        self._upsert_checkpoints = RowInsert("checkpoints", 5, conflict=conflict)
        self._file = ViewFile(path, durable=durable)
        self.engine = self._file.engine
        try:
            metadata.create_all(self.engine)
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

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).fetchall()

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
