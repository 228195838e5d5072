"""What the tables of a store must say of each other: streams, versions, commands. The database does the comparing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, null, or_, select, text
from sqlalchemy.engine import Connection

from services.chassis.event_store.schema import commands, events, streams
from services.chassis.truth.findings import Code, Findings
from services.chassis.truth.unreadable import noting

_C, _S = commands.c, streams.c
_EARLIER, _LATER = events.alias("earlier"), events.alias("later")
_E = events.c


def check_books(connection: Connection, findings: Findings) -> None:
    """Report every stream and command whose rows do not fit its events; memory does not grow with the store."""
    parts = {
        "events": _versions,
        "streams": _stream_heads,
        "events and commands": _events_of_commands,
        "commands": _commands_of_events,
    }
    for place, check in parts.items():
        with noting(findings, place):
            check(connection, findings)


def _versions(connection: Connection, findings: Findings) -> None:
    count = func.count()
    gapless = and_(func.min(_E.version) == 1, func.max(_E.version) == count, func.count(_E.version.distinct()) == count)
    for stream, number in _rows(connection, select(_E.stream, count).group_by(_E.stream).having(~gapless)):
        _tell_versions(
            findings,
            stream,
            None,
            f"{number} 个事件的版本不是 1 到 {number}",
            f"its {number} events are not versions 1 to {number}",
        )
    follows = and_(_LATER.c.stream == _EARLIER.c.stream, _LATER.c.version == _EARLIER.c.version + 1)
    swapped = select(_LATER.c.stream, _LATER.c.version, _LATER.c.position).select_from(_EARLIER).join(_LATER, follows)
    for stream, version, position in _rows(connection, swapped.where(_LATER.c.position <= _EARLIER.c.position)):
        _tell_versions(
            findings,
            stream,
            position,
            f"第 {version} 版的位置在前一版之前",
            f"version {version} stands before the one before it",
        )


def _tell_versions(findings: Findings, stream: Any, position: Any, message: str, english: str) -> None:
    findings.add(Code.STREAM_VERSIONS, f"stream {stream}", message, english, stream=str(stream), position=position)


def _stream_heads(connection: Connection, findings: Findings) -> None:
    reached = select(_E.stream, func.max(_E.version).label("version")).group_by(_E.stream).subquery()
    wrong = (
        select(reached.c.stream, reached.c.version, _S.version)
        .outerjoin(streams, _S.stream == reached.c.stream)
        .where(_S.version.is_distinct_from(reached.c.version))
    )
    for stream, version, said in _rows(connection, wrong):
        _tell_head(findings, stream, version, said)
    empty = select(_S.stream, _S.version).where(~select(_E.position).where(_E.stream == _S.stream).exists())
    for stream, said in _rows(connection, empty):
        _tell_head(findings, stream, 0, said)


def _tell_head(findings: Findings, stream: Any, version: Any, said: Any) -> None:
    message = f"streams 表记为第 {'—' if said is None else said} 版,事件到第 {version} 版"
    english = f"the streams table says version {'none' if said is None else said}, its events reach {version}"
    findings.add(Code.STREAM_HEAD, f"streams {stream}", message, english, stream=str(stream))


def _events_of_commands(connection: Connection, findings: Findings) -> None:
    """Every event belongs to a command that says so."""
    fits = and_(
        _C.stream == _E.stream,
        _E.version.between(_C.first_version, _C.last_version),
        _C.command_hash == _E.command_hash,
    )
    orphans = (
        select(_E.position, _E.stream, _E.command_id)
        .outerjoin(commands, and_(_C.command_id == _E.command_id, fits))
        .where(_C.command_id.is_(null()))
    )
    for position, stream, command_id in _rows(connection, orphans):
        findings.add(
            Code.COMMAND_RECORD,
            f"commands {command_id}",
            f"位置 {position} 的事件没有相符的命令记录",
            f"the event at position {position} has no command record that fits",
            position=position,
            stream=str(stream),
        )


def _commands_of_events(connection: Connection, findings: Findings) -> None:
    """Every command recorded the events that it says: its first and its last are there and are its own."""
    first, last = events.alias("first"), events.alias("last")
    wrong = (
        select(_C.command_id, _C.stream)
        .outerjoin(first, _event_at(first.c, _C.first_version))
        .outerjoin(last, _event_at(last.c, _C.last_version))
        .where(
            or_(
                first.c.position.is_(null()),
                last.c.position.is_distinct_from(_C.position),
                _C.first_version > _C.last_version,
            )
        )
    )
    for command_id, stream in _rows(connection, wrong):
        findings.add(
            Code.COMMAND_RECORD,
            f"commands {command_id}",
            "命令记录与它的事件不符",
            "the command record does not fit its events",
            stream=str(stream),
        )


def _event_at(event: Any, version: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(event.stream == _C.stream, event.version == version, event.command_id == _C.command_id)


def _rows(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """The rows page by page, in an order that two audits of one store share."""
    yield from connection.execution_options(yield_per=500).execute(query.order_by(text("1, 2")))
