"""Events of a topic written back into the store that lost them, with everything that stood beside them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby, islice
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore, schema
from services.chassis.event_store.postgresql_function import LOCK_CLASS
from services.chassis.event_store.schema import EVENT_COLUMNS
from services.chassis.time.instants import microseconds
from services.chassis.truth.following import LEASE
from services.chassis.truth.ledger import writing
from services.chassis.truth.torn import Torn

PAGE = 500
_LOCK = f"SELECT pg_advisory_xact_lock({LOCK_CLASS}::bigint << 32 | 'events'::regclass::oid::bigint)"
_UPSERT: dict[str, Callable[..., Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


class NotNext(Exception):
    """An event that does not follow what its store holds; nothing was written. The message says why, in both
    languages."""


class After(NamedTuple):
    """What the store says of itself once the events are back: its new epoch, up to where the topic has its events, and
    the command of which some may be missing."""

    epoch: int
    relayed: int
    relay: str
    torn: Torn | None = None


def write_back(store: EventStore, head: int, missing: Iterator[Envelope], after: After) -> int:
    """Append these events behind `head` at their own positions, and open the new epoch: all of it or nothing, in one
    transaction that keeps every other append out. Returns how many there were.

    Raises NotNext, or SQLAlchemyError where the database takes no writes.
    """
    count = 0
    with store.engine.connect() as connection, writing(connection):
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(_LOCK)
        last = connection.execute(select(func.coalesce(func.max(schema.events.c.position), 0))).scalar_one()
        if last != head:
            raise NotNext(f"事件库正在变化({head} → {last}) · the store changes meanwhile, from {head} to {last}")
        while page := list(islice(missing, PAGE)):
            _write(connection, page, head + count)
            count += len(page)
        _open_epoch(connection, after)
        if after.torn is not None:
            _mark(connection, after.torn)
    return count


def _write(connection: Connection, page: list[Envelope], head: int) -> None:
    heads = _heads(connection, page)
    for number, envelope in enumerate(page, head + 1):
        version = heads.get(envelope.stream, 0) + 1
        if (envelope.position, envelope.version) != (number, version):
            raise NotNext(
                f"位置 {envelope.position} 的事件 {envelope.id} 应为位置 {number}、第 {version} 版 · the event "
                f"{envelope.id} at position {envelope.position} should be version {version} at position {number}"
            )
        heads[envelope.stream] = envelope.version
    connection.execute(insert(schema.events), [_row(envelope) for envelope in page])
    rows = [{"stream": stream, "version": heads[stream]} for stream in {envelope.stream for envelope in page}]
    put = _UPSERT[connection.dialect.name](schema.streams)
    connection.execute(
        put.on_conflict_do_update(index_elements=["stream"], set_={"version": put.excluded.version}), rows
    )
    first, *others = _commands(page)
    _note_first(connection, first)
    if others:
        connection.execute(insert(schema.commands), others)


def _heads(connection: Connection, page: list[Envelope]) -> dict[str, int]:
    table = schema.streams
    wanted = {envelope.stream for envelope in page}
    return {
        row.stream: row.version
        for row in connection.execute(select(table).where(table.c.stream.in_(wanted))).fetchall()
    }


def _row(envelope: Envelope) -> Mapping[str, Any]:
    plain = {name: getattr(envelope, name) for name in EVENT_COLUMNS}
    recorded = {"occurred_on": envelope.occurred_on.isoformat(), "recorded_at": microseconds(envelope.recorded_at)}
    return {**plain, **recorded}


def _commands(page: list[Envelope]) -> list[dict[str, Any]]:
    """The events of a command stand side by side, on one stream."""
    found = []
    for _, group in groupby(page, key=lambda envelope: envelope.command_id):
        first, *others = group
        last = others[-1] if others else first
        found.append(
            {
                "command_id": first.command_id,
                "command_hash": first.command_hash,
                "stream": first.stream,
                "first_version": first.version,
                "last_version": last.version,
                "position": last.position,
            }
        )
    return found


def _note_first(connection: Connection, row: dict[str, Any]) -> None:
    """Its events may have begun on the page before; any other id that is known was used by another command."""
    table = schema.commands
    put = _UPSERT[connection.dialect.name](table).values(row)
    ours = (table.c.stream == row["stream"]) & (table.c.last_version == row["first_version"] - 1)
    going_on = ours & (table.c.position == row["position"] - (row["last_version"] - row["first_version"]) - 1)
    changed = {"last_version": put.excluded.last_version, "position": put.excluded.position}
    going = put.on_conflict_do_update(index_elements=["command_id"], set_=changed, where=going_on)
    if connection.execute(going.execution_options(preserve_rowcount=True)).rowcount != 1:
        name = row["command_id"]
        raise NotNext(f"命令 {name} 已有别的记录 · the command {name} has recorded something else already")


def _mark(connection: Connection, torn: Torn) -> None:
    put = _UPSERT[connection.dialect.name](schema.store).values(torn.row)
    connection.execute(put.on_conflict_do_update(index_elements=["key"], set_={"value": put.excluded.value}))


def _open_epoch(connection: Connection, after: After) -> None:
    """Owner epochs rise as well: a process from before the restore must not be taken for a holder after it."""
    info, relays, leases = schema.store, schema.relays, schema.leases
    connection.execute(update(info).where(info.c.key == "epoch").values(value=str(after.epoch)))
    fence = int(time.time())  # rises from restore to restore, faster than leases change hands
    for name in (after.relay, LEASE):
        free = _UPSERT[connection.dialect.name](leases).values(name=name, owner="", owner_epoch=fence, ends_at=0)
        above = {"owner_epoch": fence + leases.c.owner_epoch, "ends_at": 0}
        connection.execute(free.on_conflict_do_update(index_elements=["name"], set_=above))
    held = connection.execute(select(leases.c.owner_epoch).where(leases.c.name == after.relay)).scalar_one()
    at = {"epoch": after.epoch, "position": after.relayed, "topic_id": None, "owner_epoch": held}
    put = _UPSERT[connection.dialect.name](relays).values(name=after.relay, **at)
    connection.execute(put.on_conflict_do_update(index_elements=["name"], set_=at))
