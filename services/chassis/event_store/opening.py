"""Opening a store that is there, and refusing one whose database is not as we left it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.event_store.sqlite import SqliteDialect
from services.chassis.event_store.store import EventStore
from services.chassis.event_store.store_info import StoreUnusable

_NAMED = 3
"""Alterations that the sentence names."""


def open_file(path: Path, service: str, *, durable: bool = True, queue_limit: int = 1024) -> EventStore:
    """The store in this file; raises StoreUnusable, also when there is none: opening it would make an empty one."""
    try:
        path.stat()
    except FileNotFoundError:
        raise StoreUnusable(
            f"{path} 不存在,请先运行 bizenv init 或 bizenv rehearse,或从备份恢复 · "
            "missing: run bizenv init or rehearse, or restore it from a backup"
        ) from None
    except OSError as error:
        raise StoreUnusable(f"无法打开数据库 {path}:{error.strerror} · cannot open the database") from error
    return EventStore(SqliteDialect(path, durable=durable), service, queue_limit=queue_limit)


def require_unaltered(store: EventStore) -> None:
    """Raises StoreUnusable when the database's schema is not the one that the migrations make: a trigger could forge
    what is recorded, and no audit of the rows would tell."""
    try:
        with store.engine.connect() as connection:
            found = store.dialect.alterations(connection)
    except SQLAlchemyError as error:
        raise StoreUnusable(f"无法读取 {store.dialect.place} 的结构({error}) · its schema can't be read") from error
    if found:
        parts = [f"{each.kind} {each.name} {each.message} {each.english}" for each in found[:_NAMED]]
        more = ["…"] * (len(found) > _NAMED)
        raise StoreUnusable(
            f"{store.dialect.place} 的结构被改动,不能使用,请运行 bizenv audit verify,并从备份恢复 · its schema was "
            f"altered: run bizenv audit verify, restore from a backup ({'; '.join([*parts, *more])})"
        )
