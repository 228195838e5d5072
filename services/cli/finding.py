"""What a look at the city finds, one line each; and how a look goes on when a part of it is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from services.chassis.errors import Unavailable
from services.chassis.event_store import StoreUnusable
from services.chassis.hosting.data_folder import CannotStart


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at and how it is."""

    good: bool
    sentence: str


Look = Callable[[], Iterator[Finding]]


def looked(look: Look, what: str = "") -> Iterator[Finding]:
    """What a look finds; where something that it needs is away, that is what it found. It keeps no other from looking.
    `what`: of which the sentence speaks."""
    try:
        yield from look()
    except (StoreUnusable, Unavailable, CannotStart, OSError, SQLAlchemyError) as trouble:
        yield Finding(False, f"{what}: {said(trouble)}" if what else said(trouble))


def said(trouble: Exception) -> str:
    """The reason alone, without the statement that met it, on one line."""
    reason = trouble.orig if isinstance(trouble, DatabaseError) and trouble.orig is not None else trouble
    return " ".join(str(reason).split())
