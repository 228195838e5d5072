"""The one connection over which a store appends: what an error of the database means, and what is tried again.

When the connection breaks off during a batch nobody knows whether it was recorded. The same batch is tried again on a
new connection: its command ids make that exact, whichever attempt was recorded, and one that is still under way comes
after or before it but never beside it. Any other error says that nothing was recorded.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import Engine, select
from sqlalchemy.engine import Connection

from services.chassis.errors import Unavailable
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import Append, Appended, Failure, Outcome
from services.chassis.event_store.schema import events
from services.chassis.telemetry.logs import logger

log = logger(__name__)

RETRY_SECONDS = 10.0
"""How long a batch is tried again whose fate is not known; a server that crashed is back within seconds."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5

_SENTENCES = {
    Failure.FULL: ("存储空间已满,本次未保存", "the disk is full; nothing was recorded"),
    Failure.READ_ONLY: (
        "数据库处于只读状态(备库或只读模式),本次未保存",
        "the database is read-only (a standby?); nothing was recorded",
    ),
}
_UNWRITABLE = ("数据库暂时不可写,本次未保存", "the database takes no writes; nothing was recorded")
_UNKNOWN = (
    "与数据库的连接中断,本次可能已保存也可能未保存,请用同一命令编号重试",
    "the connection to the database broke off; this MAY have been recorded: repeat it with the same command id",
)
_MARKS = ("recorded_at", "actor", "correlation_id", "causation_id", "traceparent")
"""What one attempt at a command has in common with no other call for it."""


class Committer:
    """Appends batches; for one thread at a time."""

    def __init__(self, dialect: Dialect, engine: Engine, service: str, *, retry_seconds: float | None = None) -> None:
        self._dialect = dialect
        self._engine = engine
        self._service = service
        self._retry_seconds = retry_seconds
        self._connection: Connection | None = None

    def commit(self, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        """Each member's outcome; Unavailable for all of them, with a sentence that says what is known."""
        failure = Failure.OTHER
        try:
            connection = self._connected()  # until here nothing was sent
            failure = Failure.LOST
            return self._dialect.append(connection, batch, partitions)
        except Exception as error:
            self._drop()
            found = self._dialect.failure(error)
            if failure is found is Failure.LOST:
                return self._again(batch, partitions, error)
            raise Unavailable(*_SENTENCES.get(found, _UNWRITABLE)) from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _again(self, batch: Sequence[Append], partitions: int, lost: Exception) -> list[Outcome]:
        seconds = RETRY_SECONDS if self._retry_seconds is None else self._retry_seconds
        deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
        log.warning("connection lost", service=self._service, place=self._dialect.place, reason=str(lost).strip())
        while self._dialect.trouble() is None:
            try:
                connection = self._connected()
                outcomes = self._dialect.append(connection, batch, partitions)
                return [self._own(connection, *each) for each in zip(batch, outcomes, strict=True)]
            except Exception as error:  # noqa: BLE001 - whatever it says, the first attempt may have been recorded
                self._drop()
                lost = error
            if time.monotonic() + pause > deadline:
                break
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise Unavailable(*_UNKNOWN) from lost

    def _own(self, connection: Connection, append: Append, outcome: Outcome) -> Outcome:
        """What an earlier attempt at this batch recorded was recorded now, and is no repetition."""
        if not isinstance(outcome, Appended) or not outcome.repeated:
            return outcome
        marks = select(*(events.c[name] for name in _MARKS))
        found = connection.execute(marks.where(events.c.position == outcome.record.position)).one()
        same = tuple(found) == tuple(getattr(append, name) for name in _MARKS)
        return Appended(outcome.record, not same)

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
