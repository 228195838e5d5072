"""Marks that a recovery left in a store: commands of which it could bring back only some events, or can't tell.

A mark is a row of the table `store`, its key `torn.` and the position of the last event that is there, its value a
`Torn` as JSON. It stays for good; audits name it and hold it against the event that it speaks of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.event_store.schema import events

PREFIX = "torn."


class Torn(msgspec.Struct, frozen=True):
    """The command, and the last event (`<stream>/<version>`) that is there of it. `proved`: another one was seen; else
    nobody can tell."""

    command_id: str
    event_id: str
    position: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    proved: bool

    @property
    def sentence(self) -> tuple[str, str]:
        """What is known of it and what to do, in Chinese and in English."""
        known = (
            ("其后的事件已丢失", "events of it behind that are lost")
            if self.proved
            else ("其后是否还有事件无从得知", "whether it had more behind that can't be told")
        )
        return (
            f"命令 {self.command_id} 找回到事件 {self.event_id},{known[0]};请与发令者的回执核对,所缺者以新命令补录",
            f"of the command {self.command_id} the last event that came back is {self.event_id}, {known[1]}: compare "
            "with the event_ids of its caller's receipt and record what is missing by a new command",
        )

    @property
    def row(self) -> dict[str, str]:
        """The mark as a row of the table `store`."""
        return {"key": f"{PREFIX}{self.position}", "value": msgspec.json.encode(self).decode()}


def mark_of(key: str, value: Any) -> Torn | None:
    """The mark that a row of the table `store` holds; None: it holds none, or was altered."""
    try:
        torn = msgspec.json.decode(str(value), type=Torn)
    except msgspec.DecodeError:
        return None
    return torn if torn.row == {"key": key, "value": str(value)} else None


def true_marks(connection: Connection, said: Mapping[str, Any]) -> dict[str, Torn]:
    """Those rows of the table `store`, by key, that are marks of events which the store has as they say."""
    found = {key: mark for key, value in said.items() if key.startswith(PREFIX) and (mark := mark_of(key, value))}
    return {key: mark for key, mark in found.items() if _is_there(connection, mark)}


def _is_there(connection: Connection, mark: Torn) -> bool:
    row = connection.execute(
        select(events.c.stream, events.c.version, events.c.command_id).where(events.c.position == mark.position)
    ).first()
    return row is not None and (f"{row.stream}/{row.version}", row.command_id) == (mark.event_id, mark.command_id)
