"""Commands of which a recovery could bring back only some events, or can't tell whether these are all.

The events of a command stand side by side and no record says how many there are, so only the last command that was
brought back is in question. It is whole where a signed head ends with it (the log never signs within a command), and
torn where an event of it stands behind the gap at which the recovery stopped. What is there of it stays: it was
acknowledged. The store keeps the mark for good, and every audit names it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.envelope import Envelope
from services.chassis.event_store import schema
from services.chassis.flow.report import FlowFindings, NoticeCode
from services.chassis.truth.heads import Head
from services.chassis.truth.torn import PREFIX, Torn, mark_of

_T = schema.store.c


def torn_command(last: Envelope, behind: Envelope | None, signed: Iterable[Head]) -> Torn | None:
    """What is to be said of the command of `last`, the last event that comes back; None: it is whole. `behind`: the
    first one behind the gap, if there is a gap."""
    if any(head.size == last.position for head in signed):
        return None
    proved = behind is not None and behind.command_id == last.command_id
    return Torn(last.command_id, last.id, last.position, proved)


def tell_torn(connection: Connection, findings: FlowFindings) -> None:
    """Note every command that a recovery has marked."""
    marks = select(_T.key, _T.value).where(_T.key.startswith(PREFIX, autoescape=True)).order_by(_T.key)
    for key, value in connection.execute(marks):
        if (torn := mark_of(key, value)) is not None:  # one that was altered is a finding of `audit verify`
            findings.notice(NoticeCode.TORN, f"position {torn.position} ({torn.event_id})", *torn.sentence)
