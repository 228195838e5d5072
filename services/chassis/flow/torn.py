"""Commands of which a recovery could bring back only some events, or can't tell whether these are all.

The events of a command stand side by side and no record says how many there are, so only the last command that was
brought back is in question. It is whole where a signed head ends with it (the log never signs within a command), and
torn where an event of it stands behind the gap at which the recovery stopped. What is there of it stays: it was
acknowledged. The store keeps the mark for good, and every audit names it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.envelope import Envelope
from services.chassis.event_store import schema
from services.chassis.flow.report import FlowFindings, NoticeCode
from services.chassis.truth.heads import Head

_PREFIX = "torn."
_T = schema.store.c


class Torn(msgspec.Struct, frozen=True):
    """The command, and the last event (`<stream>/<version>`) that is there of it. `proved`: another one was seen; else
    nobody can tell."""

    command_id: str
    event_id: str
    position: int
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


def torn_command(last: Envelope, behind: Envelope | None, signed: Iterable[Head]) -> Torn | None:
    """What is to be said of the command of `last`, the last event that comes back; None: it is whole. `behind`: the
    first one behind the gap, if there is a gap."""
    proved = behind is not None and behind.command_id == last.command_id
    if not proved and any(head.size == last.position for head in signed):
        return None
    return Torn(last.command_id, last.id, last.position, proved)


def row_of(torn: Torn) -> dict[str, str]:
    """The mark as a row of the table `store`."""
    return {"key": f"{_PREFIX}{torn.position}", "value": msgspec.json.encode(torn).decode()}


def tell_torn(connection: Connection, findings: FlowFindings) -> None:
    """Note every command that a recovery has marked."""
    marks = select(_T.value).where(_T.key.startswith(_PREFIX, autoescape=True)).order_by(_T.key)
    for value in connection.execute(marks).scalars():
        torn = msgspec.json.decode(value, type=Torn)
        findings.notice(NoticeCode.TORN, f"position {torn.position} ({torn.event_id})", *torn.sentence)
