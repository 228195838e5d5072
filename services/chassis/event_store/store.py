"""The event store of one service."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.event_store import queries
from services.chassis.event_store.committing import Committer
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import Append, Appended, CommandRecord, Failure, Outcome
from services.chassis.event_store.recent import Recent
from services.chassis.event_store.store_info import read_info, require_revision
from services.chassis.event_store.writer import Writer
from services.chassis.faults import fault_point
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS

log = logger(__name__)

AWAY = ("数据库暂时无法连接,请稍后重试", "the database can't be reached now; try again later")


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
            self.info = read_info(self.engine, dialect.place, service)
        except BaseException:
            self.engine.dispose()
            raise
        self._committer = Committer(dialect, self.engine, service)
        self._listeners: list[Callable[[], None]] = []
        self._recent: Recent | None = None
        self._refusal: tuple[str, str] | None = None
        self._trouble: tuple[str, str] | None = None
        self._writer = Writer(self._commit, name=service, limit=queue_limit)
        self._closing = threading.Lock()

    def refuse_appends(self, message: str, english: str) -> None:
        """Answer Unavailable with this sentence to every append from now on; reading goes on."""
        self._refusal = (message, english)

    async def append(self, append: Append) -> Outcome:
        """Append on the caller's event loop; raises Overloaded when the queue is full, Unavailable when the
        database takes no writes (nothing is written then, or nobody knows: its sentence says which)."""
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

    def stop(self, message: str, english: str) -> None:
        """Record nothing from now on, for what is here is not what was acknowledged: a trouble of the database itself.
        Any thread may say so; the first reason stays."""
        if self._trouble is None:
            self._trouble = (message, english)
            self.refuse_appends(message, english)
            log.critical("store stopped", service=self.service, place=self.dialect.place, reason=english)

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

    @property
    def recent(self) -> Recent:
        """What this process records from the first time that somebody asks for it, in the order of its positions."""
        if self._recent is None:
            self._recent = Recent(self.info)
        return self._recent

    def _commit(self, batch: Sequence[Append]) -> list[Outcome]:
        METRICS.event_store_queue_depth.labels(self.service).set(self._writer.depth)
        try:
            with METRICS.event_store_commit_seconds.labels(self.service).time():
                outcomes = self._committer.commit(batch, self.info.partitions)
        except Unavailable as error:
            if (trouble := self._look()) is None:
                raise
            raise Unavailable(*trouble) from error
        if (trouble := self._look()) is not None:
            raise Unavailable(*trouble)
        written = sum(len(append.events) for append, outcome in zip(batch, outcomes, strict=True) if _is_new(outcome))
        METRICS.event_store_batch_size.labels(self.service).observe(written)
        METRICS.event_store_appended.labels(self.service).inc(written)
        fault_point("store.committed")
        if self._recent is not None:
            self._recent.add(batch, outcomes)
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
        if found is not None:
            self.stop(*found)
        return self._trouble

    @contextlib.contextmanager
    def trouble_told(self) -> Iterator[None]:
        """Around what a request asks: a read that fails because of the trouble, or while the database is away, is no
        fault of ours but Unavailable."""
        try:
            yield
        except SQLAlchemyError as error:
            trouble = self._look()
            if trouble is None and self.dialect.failure(error) is Failure.LOST:
                trouble = AWAY
            if trouble is None:
                raise
            raise Unavailable(*trouble) from error

    def read(self, after: int, limit: int) -> list[Envelope]:
        """Up to `limit` events with positions after `after`, in position order."""
        found = self._envelopes(queries.PAGE, after=after, most=limit)
        if found:
            self.dialect.reached(found[-1].position)
        return found

    def read_within(self, after: int, limit: int, room: int) -> list[Envelope]:
        """The same, but no more than fill `room` bytes of data: one at least, and the last may go beyond it."""
        return self._envelopes(queries.PAGE_WITHIN, after=after, most=limit, room=max(1, room))

    def read_stream(self, stream: str, after_version: int = 0) -> list[Envelope]:
        """The events of one stream after a version, in order; raises Unavailable where the database has trouble."""
        with self.trouble_told():
            return self._envelopes(queries.STREAM, stream=stream, after=after_version)

    def scan(self, after: int = 0, page: int = 2000) -> Iterator[Envelope]:
        """All events after a position, page by page."""
        while envelopes := self.read(after, page):
            yield from envelopes
            after = envelopes[-1].position

    def last_position(self) -> int:
        """The newest visible position; 0 when there is none."""
        found = int(self._rows(queries.LAST)[0][0])
        self.dialect.reached(found)
        return found

    def require_revision(self) -> None:
        """Ask the database whether it is still of this build's version: raises StoreUnusable where it is of a newer
        one, SQLAlchemyError where it is away."""
        require_revision(self.engine, self.dialect.place)

    def previous_in_partition(self, partition: int, position: int) -> int:
        """The newest position of this partition before `position`; 0 when there is none."""
        rows = self._rows(queries.BEFORE, at=position, of=partition)
        return int(rows[0][0]) if rows else 0

    def find_command(self, command_id: str) -> CommandRecord | None:
        """What a command recorded, or None when its id was never used; raises Unavailable where the database has
        trouble."""
        with self.trouble_told():
            rows = self._rows(queries.COMMAND, command_id=command_id)
        return queries.record_of(rows[0]) if rows else None

    def close(self) -> None:
        """Finish what is queued and let go of the database."""
        with self._closing:
            self._writer.close()
            self._committer.close()
            self.engine.dispose()

    def _rows(self, query: Select[Any], **values: Any) -> Sequence[Any]:
        """Asked once more where the connection turned out to be gone: it may have been so since long ago."""
        try:
            return self._fetch(query, values)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._fetch(query, values)

    def _fetch(self, query: Select[Any], values: dict[str, Any]) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(query, values).fetchall()

    def _envelopes(self, query: Select[Any], **values: Any) -> list[Envelope]:
        service, epoch, store_id = self.service, self.info.epoch, self.info.store_id
        return [queries.envelope_of(service, epoch, store_id, row) for row in self._rows(query, **values)]


def _is_new(outcome: Outcome) -> bool:
    return isinstance(outcome, Appended) and not outcome.repeated
