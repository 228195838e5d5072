"""Making a store, opening one that is there, and refusing one whose database is not as we left it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, select
from sqlalchemy.exc import IntegrityError, ProgrammingError, SQLAlchemyError

from services.chassis.event_store import schema
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.migrations import migrate
from services.chassis.event_store.model import StoreInfo
from services.chassis.event_store.sqlite import SqliteDialect
from services.chassis.event_store.store import EventStore
from services.chassis.event_store.store_info import StoreUnusable, refuse_newer, write_info

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
    return open_store(SqliteDialect(path, durable=durable), service, queue_limit=queue_limit)


def open_store(dialect: Dialect, service: str, *, queue_limit: int = 1024) -> EventStore:
    """The store in this database; raises StoreUnusable when it can't be reached, holds none, or not this service's."""
    return EventStore(dialect, service, queue_limit=queue_limit)


def create_store(dialect: Dialect, info: StoreInfo) -> None:
    """Make an empty store: its schema or folder, its tables, what it says of itself.

    A making that was interrupted goes on. Raises StoreUnusable when there is a store already, or the database can't be
    reached or refuses.
    """
    prepare_store(dialect)
    try:
        write_info(dialect, info)
    except IntegrityError as error:
        raise StoreUnusable(f"{dialect.place} 中已有事件库 · already holds a store") from error
    except SQLAlchemyError as error:
        raise _not_made(dialect, error) from error


def prepare_store(dialect: Dialect) -> None:
    """Make the schema or folder and the tables; a store is there once they say of themselves what it is.

    What is there already is brought to this build's version. Raises StoreUnusable when the database can't be reached
    or refuses.
    """
    try:
        dialect.prepare()
        engine = dialect.engine()
        try:
            refuse_newer(engine, dialect.place)
            migrate(engine)
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise _not_made(dialect, error) from error


def _not_made(dialect: Dialect, error: SQLAlchemyError) -> StoreUnusable:
    reason = str(getattr(error, "orig", None) or error).strip()
    return StoreUnusable(f"无法在 {dialect.place} 建立事件库:{reason} · cannot make the store")


def store_exists(dialect: Dialect) -> bool:
    """Whether there is a store, of whatever service and revision; raises StoreUnusable when nobody can tell."""
    engine = dialect.engine()
    try:
        with engine.connect() as connection:
            return inspect(connection).has_table(schema.store.name) and bool(
                connection.execute(select(schema.store).limit(1)).first()
            )
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).strip()
        raise StoreUnusable(f"无法打开数据库 {dialect.place}:{reason} · cannot open the database") from error
    finally:
        engine.dispose()


def epoch_of(dialect: Dialect) -> int | None:
    """In which epoch a store is now; None: there is none, or we may not read it. May raise SQLAlchemyError. The
    `dialect` is to be a new one: one that has met the store holds it to the epoch that it was in then."""
    engine = dialect.engine()
    try:
        with engine.connect() as connection:
            value = connection.execute(select(schema.store.c.value).where(schema.store.c.key == "epoch")).scalar()
    except ProgrammingError:
        return None
    finally:
        engine.dispose()
    return None if value is None else int(value)


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
