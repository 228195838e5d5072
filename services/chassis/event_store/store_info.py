"""What a store says of itself, and refusing one that this build or this service cannot use."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Engine, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from services.chassis.event_store import schema
from services.chassis.event_store.dialect import Dialect
from services.chassis.event_store.model import StoreInfo, StoreKind


class StoreUnusable(Exception):
    """The store cannot be opened: one sentence says why (unwritable, of a newer version, of another city)."""


class OtherVersion(StoreUnusable):
    """The database was migrated by a newer build, or not yet by this one: nothing is known to be wrong with it."""


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


def write_info(dialect: Dialect, info: StoreInfo) -> None:
    """Write what the store says of itself into a migrated, empty database: all of it or nothing, in one statement."""
    engine = dialect.engine()
    rows = [{"key": key, "value": str(value)} for key, value in msgspec.to_builtins(info).items()]
    try:
        with engine.connect() as connection:
            connection.execute(schema.store.insert().values(rows))
    finally:
        engine.dispose()


def begin_epoch(dialect: Dialect, epoch: int) -> None:
    """Let the store say from its next opening on that it is in this epoch. Nobody else may have it open."""
    engine = dialect.engine()
    with engine.connect() as connection:
        connection.execute(schema.store.update().where(schema.store.c.key == "epoch").values(value=str(epoch)))
    engine.dispose()


def read_info(engine: Engine, place: str, service: str) -> StoreInfo:
    """What the store says of itself; raises StoreUnusable for a database that is not this service's, of this build."""
    try:
        with engine.connect() as connection:
            _check_revision(connection, place)
            fields = {row.key: row.value for row in connection.execute(select(schema.store))}
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or error
        raise StoreUnusable(f"无法打开数据库 {place}:{reason} · cannot open the database") from error
    try:
        info = msgspec.convert(fields, StoreInfo, strict=False)
    except msgspec.ValidationError as error:
        raise StoreUnusable(
            f"{place} 的自述信息缺失或损坏({error}),请从备份恢复 · its own info is missing or damaged"
        ) from error
    if info.service != service:
        raise StoreUnusable(f"{place} 属于服务 {info.service},不是 {service} · belongs to another service")
    return info


def refuse_newer(engine: Engine, place: str) -> None:
    """Refuse a database that a newer build has migrated; what is older or empty may be migrated."""
    with engine.connect() as connection:
        _refuse_newer(_revision(connection) or "", place)


def require_revision(engine: Engine, place: str) -> None:
    """Raises StoreUnusable where the database was migrated since it was opened, SQLAlchemyError where it is away."""
    with engine.connect() as connection:
        _refuse_newer(_version(connection), place)


def _check_revision(connection: Connection, place: str) -> None:
    """Refuse a database without our tables, older than this build (run `bizenv migrate`) or newer."""
    found = _revision(connection)
    if found is None:
        raise StoreUnusable(f"{place} 不是 bizenv 的数据库 · is not a bizenv database")
    if found < schema.REVISION:
        raise OtherVersion(
            f"{place} 的版本 {found} 较旧,请先运行 bizenv migrate · older than this build: run bizenv migrate"
        )
    _refuse_newer(found, place)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return _version(connection)


def _version(connection: Connection) -> str:
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def _refuse_newer(found: str, place: str) -> None:
    if found > schema.REVISION:
        raise OtherVersion(
            f"{place} 的版本 {found} 比本程序的 {schema.REVISION} 新,请升级程序 · made by a newer bizenv: upgrade"
        )
