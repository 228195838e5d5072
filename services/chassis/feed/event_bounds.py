"""What an event can be at all: whoever applies one writes its numbers and texts into columns that take no others.

A record with a position of twenty digits, or a NUL in a name, would fail in the database at each try for as long as it
stands on its topic. It is refused where it is read, as any other record that is no event of ours.
"""

from __future__ import annotations

from services.chassis.envelope import Envelope

LARGEST_POSITION = 2**63 - 1
LARGEST_NUMBER = 2**31 - 1
LONGEST_STREAM = 512
"""In characters. Databases index it, and PostgreSQL's index takes 2704 bytes."""


def require_possible(envelope: Envelope, previous: int) -> None:
    """Raise ValueError for numbers or texts that no store can have recorded."""
    if not 0 <= previous < envelope.position <= LARGEST_POSITION:
        raise ValueError(f"position {envelope.position} can't follow {previous}")
    if not 0 < envelope.version <= LARGEST_NUMBER:
        raise ValueError(f"version {envelope.version} is out of range")
    if not 0 < envelope.epoch <= LARGEST_NUMBER:
        raise ValueError(f"epoch {envelope.epoch} is out of range")
    if not 0 <= envelope.partition <= LARGEST_NUMBER:
        raise ValueError(f"partition {envelope.partition} is out of range")
    _require_texts(envelope)


def _require_texts(envelope: Envelope) -> None:
    if len(envelope.stream) > LONGEST_STREAM:
        raise ValueError(f"the stream's name is longer than {LONGEST_STREAM} characters")
    texts = (
        *(envelope.stream, envelope.type, envelope.actor, envelope.command_id, envelope.correlation_id),
        *(envelope.causation_id, envelope.store_id, envelope.traceparent or ""),
    )
    if "\0" in "".join(texts):  # one look at all of them: tens of thousands of events are read a second
        raise ValueError("a text has a NUL in it")
