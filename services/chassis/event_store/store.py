"""The event store of one service."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import msgspec
from sqlalchemy import Engine, Integer, Select, bindparam, func, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.event_store import schema
from services.chassis.event_store.model import (
    Alteration,
    Append,
    Appended,
    CommandRecord,
    Outcome,
    StoreInfo,
    StoreKind,
)
from services.chassis.event_store.writer import Writer
from services.chassis.faults import fault_point
from services.chassis.logs import logger
from services.chassis.metrics import METRICS

log = logger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EVENTS, _COMMANDS = schema.events, schema.commands
_PAGE = (
    select(_EVENTS)
    .where(_EVENTS.c.position > bindparam("after"))
    .order_by(_EVENTS.c.position)
    .limit(bindparam("most", type_=Integer))
)
_STREAM = (
    select(_EVENTS)
    .where(_EVENTS.c.stream == bindparam("stream"), _EVENTS.c.version > bindparam("after"))
    .order_by(_EVENTS.c.version)
)
_LAST = select(func.coalesce(func.max(_EVENTS.c.position), 0))
_BEFORE = (
    select(_EVENTS.c.position)
    .where(_EVENTS.c.position < bindparam("at"), _EVENTS.c.partition == bindparam("of"))
    .order_by(_EVENTS.c.position.desc())
    .limit(1)
)
_COMMAND = select(_COMMANDS).where(_COMMANDS.c.command_id == bindparam("command_id"))


class StoreUnusable(Exception):
    """The store cannot be opened: one sentence says why (unwritable, of a newer version, of another city)."""


class Dialect(Protocol):
    """What differs between databases."""

    @property
    def place(self) -> str: ...

    def engine(self) -> Engine: ...

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]: ...

    def is_full(self, error: Exception) -> bool: ...

    def trouble(self) -> tuple[str, str] | None:
        """Why what is committed now may be lost or wrong (the database was moved, replaced or damaged while it was
        open), in Chinese and English; None: nothing is known. Cheap, and asked after each commit by any thread."""
        ...

    def alterations(self, connection: Connection) -> list[Alteration]:
        """What of the database's schema is not as this build's migrations make it (a trigger can forge rows, and no
        row tells); raises SQLAlchemyError."""
        ...


class EventStore:
    """Appends and reads the events of one service. Safe to use from many threads and one event loop each.

    Appending returns after the commit is durable. Reading in position order never skips an event that is
    committed later: positions become visible in order.
    """

    def __init__(self, dialect: Dialect, service: str, *, queue_limit: int = 1024) -> None:
        self.service = service
        self.dialect = dialect
        self.engine = dialect.engine()
        try:
            self.info = self._read_info()
        except BaseException:
            self.engine.dispose()
            raise
        self._connection: Connection | None = None
        self._listeners: list[Callable[[], None]] = []
        self._refusal: tuple[str, str] | None = None
        self._trouble: tuple[str, str] | None = None
        self._writer = Writer(self._commit, name=service, limit=queue_limit)
        self._closing = threading.Lock()

    @staticmethod
    def create(dialect: Dialect, info: StoreInfo) -> None:
        """Write what the store says of itself into a migrated, empty database."""
        engine = dialect.engine()
        fields = msgspec.to_builtins(info)
        with engine.connect() as connection:
            connection.execute(
                schema.store.insert(), [{"key": key, "value": str(value)} for key, value in fields.items()]
            )
        engine.dispose()

    @staticmethod
    def begin_epoch(dialect: Dialect, epoch: int) -> None:
        """Let the store say from its next opening on that it is in this epoch. Nobody else may have it open."""
        engine = dialect.engine()
        with engine.connect() as connection:
            connection.execute(schema.store.update().where(schema.store.c.key == "epoch").values(value=str(epoch)))
        engine.dispose()

    # --- appending ------------------------------------------------------------------------------------------

    def refuse_appends(self, message: str, english: str) -> None:
        """Answer Unavailable with this sentence to every append from now on; reading goes on."""
        self._refusal = (message, english)

    async def append(self, append: Append) -> Outcome:
        """Append on the caller's event loop; raises Overloaded when the queue is full, Unavailable when the
        database takes no writes (nothing is written then)."""
        self._check_open()
        future = self._writer.submit(append, asyncio.get_running_loop())
        assert isinstance(future, asyncio.Future)
        return await future

    def append_now(self, append: Append) -> Outcome:
        """The same from a plain thread; blocks until it is durable."""
        self._check_open()
        future = self._writer.submit(append, None)
        assert not isinstance(future, asyncio.Future)
        return future.result()

    @property
    def refuses(self) -> bool:
        """Whether it records nothing (`refuse_appends`)."""
        return self._refusal is not None

    def _check_open(self) -> None:
        if self._refusal is not None:
            raise Unavailable(*self._refusal)

    def on_append(self, wake: Callable[[], None]) -> None:
        """Call `wake` (from the writer's thread) after each commit of this process; it must return at once."""
        self._listeners.append(wake)

    def forget(self, wake: Callable[[], None]) -> None:
        """Call it no more."""
        self._listeners.remove(wake)

    def _commit(self, batch: Sequence[Append]) -> list[Outcome]:
        try:
            if self._connection is None:
                self._connection = self.engine.connect()
            METRICS.event_store_queue_depth.labels(self.service).set(self._writer.depth)
            with METRICS.event_store_commit_seconds.labels(self.service).time():
                outcomes = self.dialect.append(self._connection, batch, self.info.partitions)
        except Exception as error:
            self._drop_connection()
            if self.dialect.is_full(error):
                raise Unavailable("存储空间已满,本次未保存", "the disk is full; nothing was recorded") from error
            raise Unavailable(
                "数据库暂时不可写,本次未保存", "the database takes no writes; nothing was recorded"
            ) from error
        if (trouble := self._look()) is not None:
            raise Unavailable(*trouble)
        written = sum(len(append.events) for append, outcome in zip(batch, outcomes, strict=True) if _is_new(outcome))
        METRICS.event_store_batch_size.labels(self.service).observe(written)
        METRICS.event_store_appended.labels(self.service).inc(written)
        fault_point("store.committed")
        for wake in tuple(self._listeners):
            wake()
        return outcomes

    @property
    def trouble(self) -> str | None:
        """What is wrong with the database itself. Once there is something nothing is recorded until it is opened
        again; what was answered until then is kept."""
        found = self._look()
        return None if found is None else " · ".join(found)

    def _look(self) -> tuple[str, str] | None:
        found = self.dialect.trouble()
        if found is not None and self._trouble is None:
            self._trouble = found
            self.refuse_appends(*found)
            log.critical("store stopped", service=self.service, place=self.dialect.place, reason=found[1])
        return self._trouble

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    # --- reading --------------------------------------------------------------------------------------------

    def read(self, after: int, limit: int) -> list[Envelope]:
        """Up to `limit` events with positions after `after`, in position order."""
        return self._envelopes(_PAGE, after=after, most=limit)

    def read_stream(self, stream: str, after_version: int = 0) -> list[Envelope]:
        """The events of one stream after a version, in order."""
        return self._envelopes(_STREAM, stream=stream, after=after_version)

    def scan(self, after: int = 0, page: int = 2000) -> Iterator[Envelope]:
        """All events after a position, page by page."""
        while envelopes := self.read(after, page):
            yield from envelopes
            after = envelopes[-1].position

    def last_position(self) -> int:
        """The newest visible position; 0 when there is none."""
        return int(self._rows(_LAST)[0][0])

    def previous_in_partition(self, partition: int, position: int) -> int:
        """The newest position of this partition before `position`; 0 when there is none."""
        rows = self._rows(_BEFORE, at=position, of=partition)
        return int(rows[0][0]) if rows else 0

    def find_command(self, command_id: str) -> CommandRecord | None:
        """What a command recorded, or None when its id was never used."""
        rows = self._rows(_COMMAND, command_id=command_id)
        if not rows:
            return None
        row = rows[0]
        return CommandRecord(
            command_id=row[0],
            command_hash=bytes(row[1]),
            stream=row[2],
            first_version=row[3],
            last_version=row[4],
            position=row[5],
        )

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        with self._closing:
            self._writer.close()
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            self.engine.dispose()

    def _rows(self, query: Select[Any], **values: Any) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query, values).fetchall()

    def _envelopes(self, query: Select[Any], **values: Any) -> list[Envelope]:
        service, epoch = self.service, self.info.epoch
        return [_envelope(service, epoch, row) for row in self._rows(query, **values)]

    def _read_info(self) -> StoreInfo:
        try:
            with self.engine.connect() as connection:
                check_revision(connection, self.dialect.place)
                fields = {row.key: row.value for row in connection.execute(select(schema.store))}
        except SQLAlchemyError as error:
            reason = getattr(error, "orig", None) or error
            raise StoreUnusable(f"无法打开数据库 {self.dialect.place}:{reason} · cannot open the database") from error
        try:
            info = msgspec.convert(fields, StoreInfo, strict=False)
        except msgspec.ValidationError as error:
            raise StoreUnusable(
                f"{self.dialect.place} 的自述信息缺失或损坏({error}),请从备份恢复 · its own info is missing or damaged"
            ) from error
        if info.service != self.service:
            raise StoreUnusable(
                f"{self.dialect.place} 属于服务 {info.service},不是 {self.service} · belongs to another service"
            )
        return info


def _is_new(outcome: Outcome) -> bool:
    return isinstance(outcome, Appended) and not outcome.repeated


def check_revision(connection: Connection, place: str) -> None:
    """Refuse a database without our tables, older than this build (run `bizenv migrate`) or newer."""
    found = _revision(connection)
    if found is None:
        raise StoreUnusable(f"{place} 不是 bizenv 的数据库 · is not a bizenv database")
    if found < schema.REVISION:
        raise StoreUnusable(
            f"{place} 的版本 {found} 较旧,请先运行 bizenv migrate · older than this build: run bizenv migrate"
        )
    _refuse_newer(found, place)


def refuse_newer(engine: Engine, place: str) -> None:
    """Refuse a database that a newer build has migrated; what is older or empty may be migrated."""
    with engine.connect() as connection:
        _refuse_newer(_revision(connection) or "", place)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def _refuse_newer(found: str, place: str) -> None:
    if found > schema.REVISION:
        raise StoreUnusable(
            f"{place} 的版本 {found} 比本程序的 {schema.REVISION} 新,请升级程序 · made by a newer bizenv: upgrade"
        )


def new_store_info(
    *, store_id: str, service: str, kind: StoreKind, programme: str, partitions: int, created_at: datetime
) -> StoreInfo:
    """What a new store says of itself; its epoch is 1."""
    return StoreInfo(
        store_id=store_id,
        service=service,
        kind=kind,
        programme=programme,
        epoch=1,
        partitions=partitions,
        created_at=created_at.isoformat(),
    )


def microseconds(instant: datetime) -> int:
    """An aware instant as whole microseconds since 1970 UTC."""
    since = instant - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def instant_of(micros: int) -> datetime:
    """The aware UTC instant of these microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


def _envelope(service: str, epoch: int, row: Sequence[Any]) -> Envelope:
    return Envelope(
        service=service,
        epoch=epoch,
        position=row[0],
        stream=row[1],
        version=row[2],
        partition=row[3],
        type=row[4],
        occurred_on=date.fromisoformat(row[5]),
        recorded_at=instant_of(row[6]),
        actor=row[7],
        command_id=row[8],
        command_hash=bytes(row[9]),
        correlation_id=row[10],
        causation_id=row[11],
        traceparent=row[12],
        data=bytes(row[13]),
    )
