"""A store that was put back from a backup gets back from its topic what it has lost, and goes on in a new epoch.

Every event that was on the topic is in the store again, at its own position and with its own bytes, so that whoever
had applied it goes on. What was acknowledged and never reached the topic is lost; signed heads tell how much of it
there was, and the new epoch keeps its positions from being taken for those that come now.

The order lets a crash at any point be made up for by calling again: until the log has signed the new epoch's first
head, the store counts as put back and records nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy.exc import IntegrityError

from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import require_unaltered
from services.chassis.flow.bring_back import After, NotNext, write_back
from services.chassis.flow.topic_heads import bring_back_heads
from services.chassis.flow.topic_index import TopicIndex
from services.chassis.flow.topics import Topics, read_topic
from services.chassis.flow.torn import torn_command
from services.chassis.kafka.records import Own
from services.chassis.leases import holders
from services.chassis.postgres.processes import other_processes
from services.chassis.truth import MerkleLog
from services.chassis.truth.heads import Head, parse_line
from services.chassis.truth.ledger import Ledger
from services.chassis.truth.published import Published
from services.chassis.truth.torn import Torn
from services.chassis.upkeep.continuation import (
    NotRecoverable,
    Reach,
    contiguous,
    gap,
    other_city,
    reach_of,
    require_same,
)
from services.chassis.upkeep.unproved import Decide, beginnings, proved, refuse, without_unproved

Progress = Callable[[int, int], None]
"""Told how many of how many records were read."""


class Recovered(msgspec.Struct, frozen=True):
    """What came of it: the store held `kept` events, `brought_back` came from the topic. `given_up` of the topic's
    events stood behind a gap or were not proved, and are no more. Signed heads covered `missing` events more than there
    are now; those were acknowledged and never reached the topic. `torn`: the command of which some of these may be."""

    service: str
    epoch: int
    kept: int
    brought_back: int
    given_up: int
    missing: int
    torn: Torn | None = None


def recover(
    open_store: Callable[[], EventStore],
    topics: Topics,
    published: Path,
    key: Ed25519PrivateKey,
    *,
    relay: str,
    give_up: bool = False,
    decide: Decide = refuse,
    progress: Progress = lambda _done, _total: None,
) -> Recovered:
    """Bring back what the store has lost. No process of the service may be at work; `relay` is the name of its relay.

    `give_up`: where the topic has a gap, go on before it and give up what stands behind. `decide` is asked about events
    that no signed head proves. Raises NotRecoverable, StoreUnusable, SQLAlchemyError, Unavailable or LogBroken; then
    nothing was written, or calling again goes on.
    """
    with closing(open_store()) as store:
        _require_stopped(store)
        require_unaltered(store)
        done = _Recovery(store, topics, Published(published, store.service), key.public_key(), relay)
        recovered = done.run(give_up, decide, progress)
    with closing(open_store()) as store:
        _open_log(store, key, published, done.any_head)
    return recovered


def _require_stopped(store: EventStore) -> None:
    held = holders(store.engine)
    if held:
        name, owner = held[0]
        raise NotRecoverable(
            f"{store.service} 仍有进程在工作({owner} 持有 {name}),请先全部停止 · "
            f"{store.service} is still at work ({owner} holds the lease {name}): stop all its processes first"
        )
    if others := _connected(store):
        raise NotRecoverable(
            f"{store.service} 仍有进程连接({', '.join(others)}),请先全部停止 · "
            f"{store.service} is still at work ({', '.join(others)} are connected): stop all its processes first"
        )


def _connected(store: EventStore) -> list[str]:
    """Processes that have the store open, also those without a lease: they can record at any moment."""
    with store.engine.connect() as connection:
        if connection.dialect.name != "postgresql":
            return []
        return other_processes(connection, connection.exec_driver_sql("SELECT current_schema()").scalar_one())


def _open_log(store: EventStore, key: Ed25519PrivateKey, published: Path, any_head: bool) -> None:
    """Sign the new epoch's first head; a log that has none yet begins with it."""
    with closing(MerkleLog(store, key, published)) as log:
        if any_head:
            log.open_epoch()
        else:
            log.start()


class _Recovery:
    """One store and its topic."""

    def __init__(self, store: EventStore, topics: Topics, files: Published, key: Ed25519PublicKey, relay: str) -> None:
        self._store = store
        self._service = store.service
        self._topics = topics
        self._files = files
        self._key = key
        self._relay = relay
        self._head = store.last_position()
        self._vouched_for = False
        self.any_head = False

    def run(self, give_up: bool, decide: Decide, progress: Progress) -> Recovered:
        self._take_heads()
        own = Own(self._service, self._store.info.store_id, self._store.info.partitions)
        begun = beginnings(self._signed())
        with closing(read_topic(self._topics, own, progress, self._head, begun)) as index:
            if (index.others and not index.newest) or (not self._head and index.newest and not self._vouched_for):
                raise other_city(self._service)
            require_same(self._store, index)
            reach = reach_of(self._store, self._head, index)
            if reach.behind_gap and not give_up:
                raise gap(reach)
            known = max(self._head, proved(self._service, index, reach.last, self._signed(), self._key))
            reach = without_unproved(self._service, index, reach, known, decide)
            covered = self._covered()
            epoch = self._next_epoch(index, reach)
            torn = self._torn(index, reach)
            brought_back = self._write(index, reach, epoch, torn)
        total = self._head + brought_back
        return Recovered(
            service=self._service,
            epoch=epoch,
            kept=self._head,
            brought_back=brought_back,
            given_up=reach.behind_gap,
            missing=max(0, covered - total),
            torn=torn,
        )

    def _take_heads(self) -> None:
        found = bring_back_heads(self._topics, self._files, self._store.info, self._key)
        self._vouched_for = found.ours > 0
        self.any_head = self._files.last() is not None
        if found.foreign and not found.ours:
            raise other_city(self._service)

    def _signed(self) -> Iterator[Head]:
        for line in self._files.lines(self._files.size()):
            head = parse_line(line.raw)
            if head is not None:
                yield head
        if (pending := self._files.pending()) is not None:
            yield pending

    def _covered(self) -> int:
        last, pending = self._files.last(), self._files.pending()
        return max((head.size for head in (last, pending) if head is not None), default=0)

    def _next_epoch(self, index: TopicIndex, reach: Reach) -> int:
        """One more than any that was given away; its own where an interrupted call has raised it already."""
        own = self._store.info.epoch
        heads = [head for head in (self._files.last(), self._stored_head()) if head is not None]
        given = max([index.newest_epoch, *(head.epoch for head in heads)])
        interrupted = heads and own > given and reach.last == self._head
        return own if interrupted else max(own, given) + 1

    def _stored_head(self) -> Head | None:
        with closing(Ledger(self._store)) as ledger:
            return ledger.newest_head()

    def _torn(self, index: TopicIndex, reach: Reach) -> Torn | None:
        """The store's own last command is whole: a database comes back with whole transactions."""
        last, behind = index.around(reach.last)
        return None if last is None else torn_command(last, behind, self._signed())

    def _write(self, index: TopicIndex, reach: Reach, epoch: int, torn: Torn | None) -> int:
        relayed = min(reach.last, contiguous(index))
        try:
            missing = index.kept(reach.last)
            return write_back(self._store, self._head, missing, After(epoch, relayed, self._relay, torn))
        except NotNext as error:
            raise NotRecoverable(str(error)) from error
        except IntegrityError as error:
            raise NotRecoverable(
                f"主题中的事件与事件库冲突,未作任何修改 · the topic's events don't fit the store: {error.orig}"
            ) from error
