"""How far an audit has to walk: counted in the store, and taken from the heads where the store can't be counted."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlalchemy.engine import Connection

from services.chassis.event_store.schema import events, merkle_nodes
from services.chassis.truth.findings import Findings
from services.chassis.truth.unreadable import noting

_NODES = merkle_nodes.c


class Extent(NamedTuple):
    """How far things reach: events in the table (and whether they could be counted); leaves the log must hold; the
    largest signed size."""

    events: int
    leaves: int
    signed: int
    counted: bool = True


def extent(connection: Connection, findings: Findings, stored: int, signed: int) -> Extent:
    """How far to walk. `stored` and `signed`: the largest sizes of heads in the store, and of any head. Where events
    can't be counted the newest position stands for their number, else what the heads say."""
    number: int | None = None
    with noting(findings, "events"):
        number = connection.execute(select(func.count()).select_from(events)).scalar_one()
    if number is None:
        with noting(findings, "events"):
            number = connection.execute(select(func.max(events.c.position))).scalar()
    leaves, known = 0, max(stored, signed) if number is None else number
    with noting(findings, "merkle_nodes"):
        leaves = _leaves(connection, known)
    return Extent(events=known, leaves=max(leaves, stored), signed=signed, counted=number is not None)


def _leaves(connection: Connection, number: int) -> int:
    """Leaves count where there are events for them, or where they go on from there without a hole: a lone leaf set
    far out must not make the walk endless."""
    leaf = and_(_NODES.level == 0, _NODES.index >= 0)
    inside = connection.execute(select(func.max(_NODES.index)).where(leaf, _NODES.index < number)).scalar()
    after, last = connection.execute(
        select(func.count(), func.max(_NODES.index)).where(leaf, _NODES.index >= number)
    ).one()
    leaves = 0 if inside is None else int(inside) + 1
    return leaves + after if leaves == number and after and last == number + after - 1 else leaves
