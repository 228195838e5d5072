"""What the log stands on when it goes on: checked, so that nothing is ever signed over an altered store."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.event_store import EventStore
from services.chassis.truth.heads import Head, Identity, parse_line
from services.chassis.truth.ledger import Ledger
from services.chassis.truth.merkle import Frontier, IncompleteTree
from services.chassis.truth.published import LogBroken, Published, PutBack


class Footing:
    """The durable state of one log. Every method raises LogBroken when it is not what the log itself left there."""

    def __init__(self, store: EventStore, ledger: Ledger, published: Published, key: Ed25519PublicKey) -> None:
        self.identity = Identity.of(store.info)
        self._store = store
        self._ledger = ledger
        self._published = published
        self._key = key

    def leaves(self) -> Frontier:
        """The frontier over the leaves that are there."""
        leaves, events = self._ledger.leaves(), self._store.last_position()
        if leaves > events:
            raise PutBack(f"日志有 {leaves} 条,事件只有 {events} 条", f"{leaves} leaves stand over {events} events")
        return self._frontier(leaves)

    def announced(self) -> Head | None:
        """The head whose publishing a crash cut short."""
        head = self._published.pending()
        if head is not None:
            self._check(head)
        return head

    def newest_head(self) -> Head | None:
        """The newest head: alike in store and heads file, ours, and the root of the leaves. None: the log is new."""
        published = self._published.last()
        if published is not None:
            self._check(published)
        if (stored := self._ledger.newest_head()) != published:
            raise (PutBack if _reach(stored) < _reach(published) else LogBroken)(
                "存储中最新的树头与已公布的不一致(若刚从备份恢复,请停止服务后运行 bizenv restored,多进程形式运行 "
                "bizenv recover)",
                "the newest heads of store and heads file differ; if the store was put back from a backup, stop and "
                "run bizenv restored, with PostgreSQL and Kafka bizenv recover",
            )
        if published is not None:
            self.check_root(published)
        elif self._ledger.leaves():
            raise LogBroken("日志没有任何树头", "the log has leaves but no head")
        return published

    def check_root(self, head: Head) -> None:
        """The leaves give the head's root."""
        if self._frontier(head.size).root().hex() != head.root:
            raise LogBroken("日志与树头不符", f"the leaves do not give the root of the head of size {head.size}")

    def last_before_restore(self) -> Head:
        """The newest head ever given away, which a restored store may have forgotten, and not of this epoch."""
        known = (self._published.last(), self._ledger.newest_head())
        last = max((head for head in known if head is not None), key=lambda head: (head.epoch, head.size), default=None)
        if last is None or not last.is_signed_by(self._key) or last.identity != self.identity:
            raise LogBroken("没有本存储的树头", "there is no head of this store that we signed")
        if last.epoch >= self._store.info.epoch:
            raise LogBroken(f"存储的纪元没有高于 {last.epoch}", f"the store's epoch is not above {last.epoch}")
        return last

    def forgotten(self, size: int) -> Iterator[Head]:
        """Published heads that a restored store of this size still bears out, but was copied too early to hold."""
        stored = self._ledger.newest_head()
        newest = (0, 0) if stored is None else (stored.epoch, stored.size)
        for line in self._published.lines(self._published.size()):
            head = parse_line(line.raw)
            if head is not None and head.size <= size and (head.epoch, head.size) > newest:
                self.check_root(head)
                yield head

    def _check(self, head: Head) -> None:
        if not head.is_signed_by(self._key):
            raise LogBroken("树头不是用本密钥签名的", f"the head of size {head.size} is not signed with our key")
        if head.identity != self.identity:
            raise LogBroken("存储信息与树头不一致", "the store's info is not what its head says")
        if head.epoch != (epoch := self._store.info.epoch):
            service = self._store.service
            raise (PutBack if epoch < head.epoch else LogBroken)(
                f"存储的纪元 {epoch} 与树头的 {head.epoch} 不一致(若刚从备份恢复,请停止服务后运行 "
                f"bizenv restored --service {service})",
                f"the epoch is {epoch}, the head's {head.epoch}; if the store was put back from a backup, stop and run "
                f"bizenv restored --service {service}",
            )

    def _frontier(self, size: int) -> Frontier:
        try:
            return self._ledger.frontier(size)
        except IncompleteTree as error:
            raise LogBroken("日志缺少节点", f"the log lacks a node ({error})") from error


def _reach(head: Head | None) -> tuple[int, int]:
    return (0, 0) if head is None else (head.epoch, head.size)
