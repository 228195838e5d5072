"""Events of a topic that no signed head vouches for: what the last seconds before a loss left there, or somebody wrote.

Heads are signed every few seconds, so the newest events of a true topic are not covered yet. A record that somebody
else wrote behind the last event looks the same. Which of the two it is a person has to say who knows what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.envelope import Envelope
from services.chassis.flow.comparison import check_roots
from services.chassis.flow.report import FlowFindings
from services.chassis.flow.topic_index import TopicIndex
from services.chassis.truth.heads import Head
from services.chassis.upkeep.continuation import NotRecoverable, Reach

LISTED = 1000
"""So many are listed, all are counted."""


class Choice(StrEnum):
    """What is to become of them."""

    REFUSE = "refuse"
    ACCEPT = "accept"
    """They come back as facts; the next head vouches for them."""
    LEAVE = "leave"
    """The store goes on without them in a new epoch, which gives them up: readers skip them."""


class Unproved(msgspec.Struct, frozen=True):
    """`count` events behind position `proved`; the first LISTED of them."""

    service: str
    proved: int
    count: int
    listed: tuple[Envelope, ...]

    @property
    def refusal(self) -> NotRecoverable:
        return NotRecoverable(
            f"{self.service} 的主题中位置 {self.proved} 之后有 {self.count} 个事件没有签名树头为证,可能是丢失前最后几秒"
            "的事件,也可能是他人写入的记录。核对后用 --accept-unproved 收入,或用 --leave-unproved 放弃,未作任何修改 · "
            f"{self.count} events of {self.service} behind position {self.proved} of the topic are proved by no signed "
            "head: they may be of the last seconds before the loss, or records that somebody else wrote. Look into "
            "them, then take them in with --accept-unproved or go on without them with --leave-unproved; nothing was "
            "changed"
        )


Decide = Callable[[Unproved], Choice]


def refuse(_unproved: Unproved) -> Choice:
    """Where nobody was asked."""
    return Choice.REFUSE


def beginnings(signed: Iterable[Head]) -> dict[int, int]:
    """Per epoch behind the first, its first position: what former epochs had there or behind was given up."""
    found = dict[int, int]()
    for head in signed:
        if head.epoch > 1:
            found[head.epoch] = min(head.size + 1, found.get(head.epoch, head.size + 1))
    return found


def proved(service: str, index: TopicIndex, last: int, signed: Iterable[Head], key: Ed25519PublicKey) -> int:
    """Up to where the newest signed head that covers no more than `last` events proves what is there; 0: none does.
    Raises NotRecoverable where its root is another one."""
    newest: Head | None = None
    for head in signed:
        if head.size <= last:
            newest = head
    if newest is None or not newest.size:
        return 0
    if not newest.is_signed_by(key):
        raise NotRecoverable(
            f"{newest.size} 条的树头不是用本密钥签名的,请运行 bizenv audit verify,未作任何修改 · the head of size "
            f"{newest.size} is not signed with our key: run bizenv audit verify; nothing was changed"
        )
    findings = FlowFindings(service)
    reached = check_roots(index.rows(), {newest.size: bytes.fromhex(newest.root)}, findings)
    for finding in findings.listed:
        raise NotRecoverable(f"{finding.message},未作任何修改 · {finding.english}; nothing was changed")
    return reached


def without_unproved(service: str, index: TopicIndex, reach: Reach, known: int, decide: Decide) -> Reach:
    """How far the recovery goes: `known` events are in the store or proved. Raises NotRecoverable."""
    count = reach.last - known
    if count <= 0:
        return reach
    unproved = Unproved(service, known, count, tuple(index.between(known, reach.last, LISTED)))
    choice = decide(unproved)
    if choice is Choice.REFUSE:
        raise unproved.refusal
    return reach if choice is Choice.ACCEPT else Reach(known, reach.behind_gap + count)
