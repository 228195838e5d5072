"""Work that one process at a time may do: a lease on it, and what a holder may still write once another one took over.

A lease ends by the database's clock, so processes need not agree on the time. It can't keep a process that stood still
from going on as if it held it: that is what the owner epoch is for. It rises with each new holder, and each write of a
holder names it, so one that was overtaken writes nothing.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Engine, text
from sqlalchemy.engine import Connection

LEASE_SECONDS = 10.0

_NOW = {
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint)",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS integer)",
}
"""Microseconds since 1970 UTC; SQLite's go by thousands."""

_IS_FREE = "SELECT ends_at <= {now} FROM leases WHERE name = :name"
_ACQUIRE = """
INSERT INTO leases (name, owner, owner_epoch, ends_at) VALUES (:name, :owner, 1, {now} + :span)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, owner_epoch = leases.owner_epoch + 1,
  ends_at = excluded.ends_at WHERE leases.ends_at <= {now}
RETURNING owner_epoch
"""
_RENEW = "UPDATE leases SET ends_at = {now} + :span WHERE name = :name AND owner_epoch = :epoch RETURNING 1"
_RELEASE = "UPDATE leases SET ends_at = 0 WHERE name = :name AND owner_epoch = :epoch"
_GUARD = {
    "sqlite": "SELECT 1 FROM leases WHERE name = :name AND owner_epoch = :epoch",
    "postgresql": """
        SELECT set_config('idle_in_transaction_session_timeout', :idle, true) FROM leases
        WHERE name = :name AND owner_epoch = :epoch FOR SHARE
    """,
}
"""On PostgreSQL the row stays as it is until the transaction ends, so nobody takes over in the middle of it; a holder
that stands still there is cut off by the server. On SQLite a writing transaction is alone anyway."""


class LeaseLost(Exception):
    """Another process took over: nothing was written."""


class Lease:
    """One owner's hold on the lease `name`, in the tables of a store. For one thread at a time.

    Every method may raise SQLAlchemyError (database away, locked for too long); what is held is then as before.
    """

    def __init__(self, engine: Engine, name: str, owner: str, *, seconds: float = LEASE_SECONDS) -> None:
        self.owner_epoch: int | None = None
        """Ours while we believe that we hold it."""
        self.seconds = seconds
        self._engine = engine
        self._name = name
        self._owner = owner
        self._now = _NOW[engine.dialect.name]

    def acquire(self) -> int | None:
        """The new owner epoch where the lease is free or has ended, our own where we hold it; None: another does."""
        if self.owner_epoch is not None and self.renew():
            return self.owner_epoch
        if self._ask(_IS_FREE) in (None, True, 1):
            self.owner_epoch = self._ask(_ACQUIRE, owner=self._owner, span=self._span)
        return self.owner_epoch

    def renew(self) -> bool:
        """Hold it for its whole time from now on; False: another took over. One that ended is still ours until then."""
        if self.owner_epoch is not None and self._ask(_RENEW, epoch=self.owner_epoch, span=self._span) is None:
            self.owner_epoch = None
        return self.owner_epoch is not None

    def release(self) -> None:
        """Let another one take it at once."""
        epoch, self.owner_epoch = self.owner_epoch, None
        if epoch is not None:
            with self._engine.connect() as connection:
                connection.execute(text(_RELEASE), {"name": self._name, "epoch": epoch})

    def guard(self, connection: Connection) -> None:
        """To be called first in a transaction that writes as the holder: raises LeaseLost where we are not, and until
        the transaction ends nobody takes over. It must not wait for anything but the database."""
        if self.owner_epoch is not None:
            values = {"name": self._name, "epoch": self.owner_epoch}
            kind = connection.dialect.name
            more = {"idle": f"{int(self.seconds * 1000)}ms"} if kind == "postgresql" else {}
            if connection.execute(text(_GUARD[kind]), {**values, **more}).first() is not None:
                return
        self.owner_epoch = None
        raise LeaseLost(f"the lease {self._name} is not held by {self._owner}")

    @property
    def _span(self) -> int:
        return int(self.seconds * 1_000_000)

    def _ask(self, statement: str, **values: object) -> int | None:
        with self._engine.connect() as connection:
            given = {"name": self._name, **values}
            found: int | None = connection.execute(text(statement.format(now=self._now)), given).scalar()
        return found


_HELD = "SELECT name, owner FROM leases WHERE ends_at > {now} ORDER BY name"


def holders(engine: Engine) -> list[tuple[str, str]]:
    """The leases of a store that are held now, each with its owner. May raise SQLAlchemyError."""
    with engine.connect() as connection:
        rows = connection.execute(text(_HELD.format(now=_NOW[engine.dialect.name]))).fetchall()
    return [(row.name, row.owner) for row in rows]


class Place(NamedTuple):
    """How far a store's events were sent: all up to this position of this store epoch, into the topic of this id."""

    epoch: int = 0
    position: int = 0
    topic_id: str | None = None


_READ_PLACE = "SELECT epoch, position, topic_id FROM relays WHERE name = :name"
_TAKE_PLACE = """
INSERT INTO relays (name, epoch, position, owner_epoch) VALUES (:name, 0, 0, :owner_epoch)
ON CONFLICT (name) DO UPDATE SET owner_epoch = excluded.owner_epoch WHERE relays.owner_epoch <= excluded.owner_epoch
RETURNING epoch, position, topic_id
"""
_MOVE_PLACE = """
UPDATE relays SET epoch = :epoch, position = :position, owner_epoch = :owner_epoch
WHERE name = :name AND owner_epoch <= :owner_epoch RETURNING 1
"""
_NAME_TOPIC = "UPDATE relays SET topic_id = :topic_id WHERE name = :name AND owner_epoch <= :owner_epoch RETURNING 1"


class RelayPlace:
    """The checkpoint of the relay `name`. `owner_epoch` is that of the lease under which the relay works.

    A new holder calls `take` before it sends anything: from then on no former holder moves the checkpoint. Every method
    may raise SQLAlchemyError.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    def read(self) -> Place:
        """For anyone; (0, 0) where nothing was sent yet."""
        return self._ask(_READ_PLACE) or Place()

    def take(self, owner_epoch: int) -> Place | None:
        """Where to go on; None: a later holder has taken it."""
        return self._ask(_TAKE_PLACE, owner_epoch=owner_epoch)

    def move(self, epoch: int, position: int, owner_epoch: int) -> bool:
        """Everything up to there was acknowledged, or is to be sent again from there; False: a later holder has taken
        it, and nothing was changed."""
        return self._change(_MOVE_PLACE, epoch=epoch, position=position, owner_epoch=owner_epoch)

    def name_topic(self, topic_id: str, owner_epoch: int) -> bool:
        """Which topic it is that the events are sent into; False as for `move`."""
        return self._change(_NAME_TOPIC, topic_id=topic_id, owner_epoch=owner_epoch)

    def _ask(self, statement: str, **values: object) -> Place | None:
        with self._engine.connect() as connection:
            row = connection.execute(text(statement), {"name": self._name, **values}).first()
        return None if row is None else Place(*row)

    def _change(self, statement: str, **values: object) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(text(statement), {"name": self._name, **values}).first() is not None
