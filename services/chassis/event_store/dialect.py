"""The port of the event store: what differs between databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Engine
from sqlalchemy.engine import Connection

from services.chassis.event_store.model import Alteration, Append, Failure, Outcome


class Dialect(Protocol):
    """One database as the store uses it."""

    @property
    def place(self) -> str:
        """For messages: where the store is."""
        ...

    def engine(self) -> Engine:
        """A new engine whose connections commit each statement by itself."""
        ...

    def prepare(self) -> None:
        """Make what the tables will lie in, unless it is there; raises SQLAlchemyError or OSError."""
        ...

    def append(self, connection: Connection, batch: Sequence[Append], partitions: int) -> list[Outcome]:
        """Append the batch in one transaction and answer each member on its own, in order.

        At most one member per stream and per command id; a member that fails writes nothing and takes no
        position. Raises the driver's error when nothing at all was written, or nobody knows (`failure`).
        """
        ...

    def failure(self, error: Exception) -> Failure:
        """What an error of `append` means."""
        ...

    def trouble(self) -> tuple[str, str] | None:
        """Why what is committed now may be lost or wrong (the database was moved, replaced or damaged while it was
        open), in Chinese and English; None: nothing is known. Cheap, and asked after each commit by any thread."""
        ...

    def reached(self, position: int) -> None:
        """This process has learned that an event stands at this position: a database without it went back."""
        ...

    def alterations(self, connection: Connection) -> list[Alteration]:
        """What of the database's schema is not as this build's migrations make it (a trigger can forge rows, and no
        row tells); raises SQLAlchemyError."""
        ...
