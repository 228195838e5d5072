"""What a service gives away of what it records: to its tamper-evident log, to the bus, and the signed heads to both."""

from __future__ import annotations

from services.chassis.event_store import EventStore
from services.chassis.forms.form import HeadPublishing, Relaying
from services.chassis.hosting.job import Job
from services.chassis.hosting.log_keeper import LogKeeper
from services.chassis.hosting.readiness import DatabaseWatch
from services.chassis.truth import MerkleLog

LOG_SECONDS = 0.5
"""Between two looks of the tamper-evident log at its store, and at what it has signed."""

DATABASE_SECONDS = 0.5
"""Between two looks whether the database answers."""


class Outflow:
    """The followers of one store in this process, as far as it has any."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._log: LogKeeper | None = None
        self._relay: Relaying | None = None
        self._publisher: HeadPublishing | None = None
        self._database = DatabaseWatch(store)
        self.on_servers = False
        """Whether database and bus are elsewhere, and may be away while this process is well."""

    def follow_with(self, follower: MerkleLog) -> None:
        """Let this tamper-evident log follow the store, from before the first command that a door lets in."""
        self._log = LogKeeper(self._store, follower)
        self._log.start()

    def relay_with(self, relay: Relaying | None, publisher: HeadPublishing | None) -> None:
        """Let these bring what is recorded, and the signed heads over it, to the bus, where it needs them."""
        self._relay, self._publisher = relay, publisher

    def jobs(self) -> dict[str, Job]:
        """Its work, by name."""
        found = {}
        if self._log is not None:
            found["keep_log"] = Job(self._log.step, LOG_SECONDS)
        if self._relay is not None:
            found["relay"] = Job(self._relay.step)
        if self.on_servers:
            found["watch_database"] = Job(self._database.step, DATABASE_SECONDS)
        if self._publisher is not None:
            found["publish_heads"] = Job(self._publisher.step, LOG_SECONDS)
        return found

    @property
    def fault(self) -> str | None:
        """What is wrong with the log, which no waiting mends; None: nothing."""
        return None if self._log is None else self._log.trouble

    @property
    def database_trouble(self) -> str | None:
        """Why the database is of no use now; None: it answers, or nobody watches it."""
        return self._database.trouble

    @property
    def bus_trouble(self) -> str | None:
        """Why what is recorded does not reach the bus; None: it does."""
        if self._relay is None:
            return None
        if self._relay.trouble is None and not self._relay.begun:
            return "尚未开始向 Kafka 转发 · the relay to Kafka has not begun yet"
        return self._relay.trouble

    @property
    def notice(self) -> str | None:
        """What of it somebody should look at although all goes on."""
        return None if self._publisher is None else self._publisher.trouble

    def close(self) -> None:
        """Note how far all came and let others go on."""
        if self._relay is not None:
            self._relay.stop()
        if self._publisher is not None:
            self._publisher.close()
        if self._log is not None:
            self._log.close()
