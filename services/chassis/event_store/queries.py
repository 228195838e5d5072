"""The store's queries, and what their rows say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Integer, bindparam, func, select

from services.chassis.envelope import Envelope
from services.chassis.event_store.model import CommandRecord
from services.chassis.event_store.schema import commands, events
from services.chassis.time.instants import instant_of

BINARY = "bizenv_binary"
"""An execution option: a database that can answers in its binary form, which takes half as long to read."""

PAGE = (
    select(events)
    .where(events.c.position > bindparam("after"))
    .order_by(events.c.position)
    .limit(bindparam("most", type_=Integer))
    .execution_options(**{BINARY: True})
)
_page = PAGE.subquery()
_sized = select(_page, func.sum(func.length(_page.c.data)).over(order_by=_page.c.position).label("bytes")).subquery()
PAGE_WITHIN = (
    select(*(_sized.c[column.name] for column in events.c))
    .where(_sized.c.bytes - func.length(_sized.c.data) < bindparam("room"))
    .order_by(_sized.c.position)
)
"""PAGE without what comes once the events before it fill so many bytes."""
STREAM = (
    select(events)
    .where(events.c.stream == bindparam("stream"), events.c.version > bindparam("after"))
    .order_by(events.c.version)
)
LAST = select(func.coalesce(func.max(events.c.position), 0))
BEFORE = (
    select(events.c.position)
    .where(events.c.position < bindparam("at"), events.c.partition == bindparam("of"))
    .order_by(events.c.position.desc())
    .limit(1)
)
COMMAND = select(commands).where(commands.c.command_id == bindparam("command_id"))


def envelope_of(service: str, epoch: int, store_id: str, row: Sequence[Any]) -> Envelope:
    """The event of one row of PAGE or STREAM."""
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
        store_id=store_id,
    )


def record_of(row: Sequence[Any]) -> CommandRecord:
    """What the command of one row of COMMAND recorded."""
    return CommandRecord(
        command_id=row[0],
        command_hash=bytes(row[1]),
        stream=row[2],
        first_version=row[3],
        last_version=row[4],
        position=row[5],
    )
