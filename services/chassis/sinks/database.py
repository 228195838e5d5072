"""What every sink keeps: how far it got and what it has set aside, in one place with what it makes of the facts,
so that this and its checkpoint are written in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, MetaData, Select, Table, Text, select
from sqlalchemy.engine import Connection

from services.chassis.bus.port import Source
from services.chassis.sinks.checkpoints import Checkpoint as Checkpoint
from services.chassis.sinks.checkpoints import Checkpoints, LostPlace
from services.chassis.sinks.kept_connection import KeptConnection
from services.chassis.sinks.place import SinkPlace
from services.chassis.sinks.row_insert import KEEPING
from services.chassis.views.file import ViewFile


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
    """The checkpoints and the parked streams of one sink, beside tables of its own. Any number of threads read; of
    several consumers that write the same sources one gets through, the others LostPlace."""

    def __init__(self, place: SinkPlace | Path, own: MetaData | None = None, *, durable: bool = True) -> None:
        """`own` has the sink's own tables; all that are missing are made. A path is that of an SQLite file, whose
        commits outlive a power cut where it is `durable`."""
        self.place = place = ViewFile(place, durable=durable) if isinstance(place, Path) else place
        metadata = MetaData() if own is None else own
        self.checkpoints, self.parked = Checkpoints(place, metadata), parked_table(metadata)
        self._park = place.statement("INSERT INTO parked", list(self.parked.columns), KEEPING)
        self.engine = place.engine
        self.kept = KeptConnection(self.engine)
        try:
            place.create(metadata)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """The file of a place that is one."""
        assert isinstance(self.place, ViewFile)
        return self.place.path

    @property
    def damage(self) -> str | None:
        """What is wrong with the place, as far as anyone came upon it; None: nothing is known."""
        return self.place.damage

    def flaw(self) -> str | None:
        """What is wrong with the place, looked for all over it; None: nothing."""
        return self.place.flaw()

    def close(self) -> None:
        self.kept.close()
        self.engine.dispose()

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query).fetchall()

    def read_checkpoints(self) -> dict[Source, Checkpoint]:
        with self.engine.connect() as connection:
            return self.checkpoints.read(connection)

    @contextmanager
    def at_rest(self) -> Iterator[dict[Source, Checkpoint]]:
        """The checkpoints, while no consumer of any process moves them; raises OperationalError where one is at it for
        long."""
        with self.engine.begin() as connection:
            yield self.checkpoints.hold(connection)

    def park(self, connection: Connection, facts: Sequence[ParkedFact]) -> None:
        """Set facts aside. Raises LostPlace where one waits behind a stream that another process has taken up."""
        if not facts:
            return
        behind = {fact.stream for fact in facts} - {fact.stream for fact in facts if fact.error}
        if behind:
            poisoned = self.place.among(self.parked.c.stream, sorted(behind)) & (self.parked.c.error != "")
            held = {row.stream for row in connection.execute(select(self.parked.c.stream).where(poisoned))}
            if held != behind:
                raise LostPlace(f"another process has taken up {', '.join(sorted(behind - held))}")
        told = [msgspec.structs.replace(fact, error=_storable(fact.error)) for fact in facts]
        self._park.run(connection, [(*msgspec.structs.astuple(fact), False) for fact in told])

    def unpark(self, connection: Connection, facts: Sequence[ParkedFact]) -> None:
        """Take facts up again. Raises LostPlace where another process has done so."""
        for fact in facts:
            where = (self.parked.c.service == fact.service) & (self.parked.c.position == fact.position)
            if connection.execute(self.parked.delete().where(where)).rowcount != 1:
                raise LostPlace(f"taken up by another process: {fact.stream}/{fact.version}")

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
            self.checkpoints.put(connection, moved)
            connection.execute(self.parked.delete().where(gone))

    def wanted_retries(self) -> list[str]:
        """The streams whose retry was asked for. A request stands until the stream is applied or refused again."""
        wanted = select(self.parked.c.stream).where(self.parked.c.retry).distinct()
        return [row.stream for row in self.execute(wanted)]

    def refuse_retry(self, stream: str) -> None:
        """The stream was tried and stays parked."""
        with self.engine.begin() as connection:
            connection.execute(self.parked.update().where(self.parked.c.stream == stream).values(retry=False))


def _storable(text: str) -> str:
    """An error's text may be anything; PostgreSQL takes no NUL, and nobody takes half a surrogate pair."""
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")
