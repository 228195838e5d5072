"""A service's tamper-evident log, kept while the service lives."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.event_store import EventStore
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.truth import LogBroken, MerkleLog
from services.chassis.truth.published import PutBack

log = logger(__name__)


class LogKeeper:
    """Lets a log follow its store. One that finds the store or its published heads altered stops and says so; where
    the store lacks what heads cover, it also records nothing more. What passes by itself is waited out."""

    def __init__(self, store: EventStore, follower: MerkleLog) -> None:
        self.trouble: str | None = None
        """Why the log has stopped; None: it goes on."""
        self._store = store
        self._log = follower

    def start(self) -> None:
        """Go on where the log stands, or begin it."""
        self._guard(self._log.start)

    def step(self) -> None:
        """Take in to the log what is new, and sign when it is time."""
        if not self._at_work:
            return
        self._guard(self._log.step)
        if (head := self._log.head) is not None:
            METRICS.merkle_leaves.labels(self._store.service).set(head.size)
            METRICS.merkle_head_time.labels(self._store.service).set(head.signed_at / 1e6)

    def close(self) -> None:
        """Sign what was recorded last; what could not be taken in now is taken in at the next start."""
        if self._at_work:
            self._guard(self._finish)
        self._log.close()

    @property
    def _at_work(self) -> bool:
        return self.trouble is None and self._store.trouble is None

    def _finish(self) -> None:
        while self._log.step():
            pass
        self._log.sign()

    def _guard(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (SQLAlchemyError, OSError) as error:
            log.warning("log waits", service=self._store.service, reason=str(error))
        except LogBroken as error:
            self.trouble = f"{self._store.service}: {error}"
            log.critical("log stopped", service=self._store.service, reason=str(error))
            if isinstance(error, PutBack) and not self._store.refuses:
                self._store.refuse_appends(error.message, error.english)
