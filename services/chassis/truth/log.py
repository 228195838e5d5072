"""The follower that keeps a store's Merkle log: appends leaves, signs heads, publishes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import asdict
from sqlalchemy.exc import IntegrityError

from services.chassis.event_store import EventStore
from services.chassis.faults import fault_point
from services.chassis.leases import LeaseLost
from services.chassis.truth.following import Following
from services.chassis.truth.footing import Footing
from services.chassis.truth.heads import FIRST_PREVIOUS, Head, key_id, sign
from services.chassis.truth.ledger import LeavesLost, Ledger
from services.chassis.truth.merkle import Address, Frontier
from services.chassis.truth.next_leaf import next_leaf
from services.chassis.truth.published import FollowerLock, LogBroken, Published

BATCH = 500
"""Leaves in one transaction: a few milliseconds in which the store's writer may have to wait."""

INTERVAL_SECONDS = 10.0


def real_microseconds() -> int:
    """Real time in microseconds since 1970 UTC: heads are signed by it in a rehearsal, too."""
    return time.time_ns() // 1000


class MerkleLog:
    """Follows one store. Used by one thread at a time; of several that hold one on a store, one follows.

    Call `start` before the store takes its first command, then `step` on a timer or after appends, `sign` when
    stopping, and `close`. Each may raise LogBroken (store or published files were altered: nothing is signed over
    that), SQLAlchemyError or OSError (database or folder take no writes now: call again later). A crash or an
    error at any point loses nothing: the next call goes on from what is durable.
    """

    def __init__(
        self,
        store: EventStore,
        key: Ed25519PrivateKey,
        published: Path,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
        batch: int = BATCH,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], int] = real_microseconds,
    ) -> None:
        self._key = key
        self._epoch = store.info.epoch
        self._published = Published(published, store.service)
        self._following = Following(store, FollowerLock(self._published.lock_file))
        self._hold: int | None = None
        self._ledger = Ledger(store, self._following.guard)
        self._footing = Footing(store, self._ledger, self._published, key.public_key())
        self._interval, self._batch = interval_seconds, batch
        self._monotonic, self._now = monotonic, now
        self._due = monotonic()
        self._frontier = Frontier()
        self._head: Head | None = None
        self._announced: Head | None = None

    @property
    def head(self) -> Head | None:
        """The last published head; None while this object does not follow."""
        return self._head

    def start(self) -> bool:
        """Go on where the log stands, or begin it with a head of size 0. False: another one follows."""
        try:
            hold = self._following.acquire()
            if hold is None or (self._head is not None and hold == self._hold):
                return hold is not None or self._stand_back()
            self._hold, self._head, self._announced = hold, None, None
            self._resume()
        except (LeaseLost, LeavesLost):
            return self._stand_back()
        except BaseException:
            self._forget()
            raise
        return True

    def step(self) -> int:
        """One round: append the leaves of the next batch of events, sign when it is time; the leaves added."""
        if not self.start():
            return 0
        try:
            added = self._append(self._batch)
        except (LeaseLost, LeavesLost):
            return int(self._stand_back())
        if self._monotonic() >= self._due:
            self.sign()
        return added

    def sign(self) -> Head | None:
        """Sign and publish the leaves there are; None when a head covers them, or another one follows."""
        if not self.start():
            return None
        try:
            return self._sign()
        except (LeaseLost, LeavesLost):
            self._forget()
            return None

    def _sign(self) -> Head | None:
        if self._announced is not None:
            self._finish(self._announced)
        if self._head is not None and self._head.size == self._frontier.size:
            return None
        return self._seal(self._head)

    def open_epoch(self) -> Head:
        """After a restore that raised the store's epoch: take up all events and sign the new epoch's first head.

        That head is the restore's public record: heads of former epochs that reach beyond its size no longer
        bind, and every audit says how many events they covered. Until then the log refuses to go on.
        """
        self._hold = self._following.acquire()
        if self._hold is None:
            raise _another()
        try:
            announced = self._published.pending()
            if announced is not None and announced.epoch == self._epoch:
                self._resume()
                return announced
            return self._open_epoch(announced)
        except LeaseLost as error:
            self._forget()
            raise _another() from error
        except BaseException:
            self._forget()
            raise

    def close(self) -> None:
        """Let go of the database and the lock; signs nothing."""
        self._forget()
        self._ledger.close()

    def _resume(self) -> None:
        self._published.put_key(self._key.public_key())
        self._frontier = self._footing.leaves()
        if (announced := self._footing.announced()) is not None:
            self._catch_up(announced)
            self._finish(announced)
        self._head = self._footing.newest_head()
        if self._head is None:
            self._seal(None)

    def _catch_up(self, announced: Head) -> None:
        """Make those leaves again that a power cut took although their head was announced."""
        while (missing := announced.size - self._frontier.size) > 0 and self._append(min(missing, self._batch)):
            pass
        self._footing.check_root(announced)

    def _open_epoch(self, former: Head | None) -> Head:
        """`former` was left half published before the restore; it may be out already, so it stays published."""
        if former is not None:
            self._published.append(former)
            self._published.drop_pending()
        last = self._footing.last_before_restore()
        self._frontier = self._footing.leaves()
        while self._append(self._batch):
            pass
        for head in self._footing.forgotten(self._frontier.size):
            self._ledger.add_head(head)
        return self._seal(last)

    def _append(self, limit: int) -> int:
        """Append up to `limit` leaves in one transaction; returns how many."""
        grown, nodes = self._frontier.copy(), list[tuple[Address, bytes]]()
        for row in self._ledger.whole_commands(grown.size, limit):
            nodes += grown.append(next_leaf(row, grown.size + 1))
        if not nodes:
            return 0
        try:
            self._ledger.add(nodes)
        except IntegrityError as error:
            self._forget()
            raise LogBroken(
                "日志中已有这些节点", "these nodes are there already; does another process follow?"
            ) from error
        added, self._frontier = grown.size - self._frontier.size, grown
        fault_point("truth.appended")
        return added

    def _seal(self, last: Head | None) -> Head:
        draft = Head(
            **asdict(self._footing.identity),
            epoch=self._epoch,
            size=self._frontier.size,
            position=self._frontier.size,
            root=self._frontier.root().hex(),
            previous=(FIRST_PREVIOUS if last is None else last.digest).hex(),
            signed_at=self._now(),
            key_id=key_id(self._key.public_key()),
        )
        head = sign(draft, self._key)
        self._published.put_pending(head)
        self._announced = head
        fault_point("truth.announced")
        self._finish(head)
        return head

    def _finish(self, head: Head) -> None:
        """Publish an announced head to its end; what is done already is not done again."""
        self._ledger.add_head(head, leaves=head.size)
        fault_point("truth.stored")
        self._published.append(head)
        fault_point("truth.published")
        self._published.drop_pending()
        self._head, self._announced = head, None
        self._due = self._monotonic() + self._interval

    def _forget(self) -> None:
        """Hold nothing, so that the next call reads again what is durable, or lets another one follow."""
        self._frontier, self._head, self._announced, self._hold = Frontier(), None, None, None
        self._following.release()

    def _stand_back(self) -> bool:
        """Another one follows, or the log is not as we knew it; False."""
        self._forget()
        return False


def _another() -> LogBroken:
    return LogBroken("另一个进程正在记录这个存储", "another process follows this store")
