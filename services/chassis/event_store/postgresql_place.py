"""A PostgreSQL store's database while it is open: whether it is still the same one, and has not gone back.

A server that was restored from a backup, or a database that was made anew, answers at the same address. What was
acknowledged before is not in it, and its positions would be used twice. Such a thing needs new connections, so each new
connection is asked, and nothing is asked after each commit.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from psycopg import Connection, Error, OperationalError, errors
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DatabaseError

from services.chassis.event_store.sqlite_file import Trouble

REPLACED = (
    "数据库已不是打开时的那一个(被重建、替换,或已开启新纪元),已停止记录;请停止服务,确认后再启动,再用同一命令编号重试",
    "the database is not the one that was opened (made anew, replaced, or in a new epoch), nothing more is recorded: "
    "stop, look into it, start; then repeat commands with the same id",
)
WENT_BACK = (
    "数据库缺少已确认保存的事件(可能刚从备份恢复,或切换到落后的备库),已停止记录;请停止该服务的所有进程,运行 "
    "bizenv recover",
    "the database lacks events that were acknowledged, as after a restore from a backup or a failover to a standby "
    "that lacked them; nothing more is recorded: stop all processes of the service and run bizenv recover",
)

DAMAGED = (
    "数据库的表已损坏或缺失,已停止记录;请运行 bizenv audit verify,并从备份恢复",
    "tables of the database are damaged or gone, nothing more is recorded: run bizenv audit verify and restore from a "
    "backup",
)
_DAMAGE = frozenset({"XX001", "XX002", "42P01", "42883", "3F000"})
"""A damaged page or index; a table, function or schema that is not there."""

_SERVER = """
SELECT pg_is_in_recovery(), current_setting('synchronous_commit'),
  coalesce(has_schema_privilege(n.oid, 'USAGE'), true),
  to_regclass('store') IS NOT NULL AND to_regclass('events') IS NOT NULL,
  (SELECT system_identifier FROM pg_control_system()), (SELECT oid FROM pg_database WHERE datname = current_database())
FROM (VALUES (%s)) AS given(name) LEFT JOIN pg_namespace n ON n.nspname = given.name
"""
_STORE = """
SELECT (SELECT value FROM store WHERE key = 'store_id'), (SELECT value FROM store WHERE key = 'epoch'),
  coalesce((SELECT max(position) FROM events), 0)
"""


class Identity(NamedTuple):
    """What stays the same while a store is open: server, database, store, epoch."""

    server: int
    database: int
    store_id: str
    epoch: str


class PostgresPlace:
    """Watches the connections of all engines that `watch` was called for. Any thread may use it."""

    def __init__(self, name: str, schema: str, *, durable: bool) -> None:
        self._name = name
        self._schema = schema
        self._durable = durable
        self._lock = threading.Lock()
        self._opened: Identity | None = None
        self._reached = 0
        self._trouble: Trouble | None = None

    def watch(self, engine: Engine) -> None:
        event.listen(engine, "connect", self._on_connect)
        event.listen(engine, "handle_error", self._on_error)

    def reached(self, position: int) -> None:
        """Everything up to this position was acknowledged, or seen, which only what is committed can be."""
        with self._lock:
            self._reached = max(self._reached, position)

    def note(self, error: BaseException) -> None:
        """Remember damage that an error of the driver tells of."""
        if isinstance(error, Error) and error.sqlstate in _DAMAGE and self._opened is not None:
            self._trouble = self._trouble or DAMAGED

    def trouble(self) -> Trouble | None:
        """What is wrong with the database; from any thread."""
        return self._trouble

    def _on_connect(self, raw: Connection[Any], _record: object) -> None:
        """Raises the driver's error for a connection that must not be used."""
        try:
            self._examine(raw)
        except BaseException:
            raw.close()  # the pool knows nothing of it yet
            raise

    def _examine(self, raw: Connection[Any]) -> None:
        found = raw.execute(_SERVER, (self._schema,)).fetchone()
        assert found is not None
        recovering, synchronous, allowed, made, server, database = found
        if recovering:
            raise errors.ReadOnlySqlTransaction("the server is a standby or in recovery: it takes no writes")
        if not allowed:
            raise errors.InsufficientPrivilege(f"no right to use the schema {self._schema} (GRANT USAGE)")
        if not self._durable or synchronous == "off":
            raw.execute(f"SET synchronous_commit = {'on' if self._durable else 'off'}")
        if made:
            self._compare(raw, server, database)

    def _compare(self, raw: Connection[Any], server: int, database: int) -> None:
        before = self._reached  # taken first: what is acknowledged meanwhile is younger than what is read now
        row = raw.execute(_STORE).fetchone()
        assert row is not None
        store_id, epoch, position = row
        if store_id is None:
            return
        found = Identity(server, database, store_id, epoch)
        with self._lock:
            self._opened = self._opened or found
            if found != self._opened:
                self._trouble = REPLACED
            elif position < before:
                self._trouble = WENT_BACK
            else:
                self._reached = max(self._reached, position)
        if self._trouble is not None:
            raise OperationalError(self._trouble[1])

    def _on_error(self, context: ExceptionContext) -> None:
        """Let the error say which database it is about, and remember damage."""
        self.note(context.original_exception)
        if isinstance(context.sqlalchemy_exception, DatabaseError):
            context.sqlalchemy_exception.add_detail(self._name)
