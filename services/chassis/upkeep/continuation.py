"""How a topic goes on from what its store kept: whether it may be taken up again, and how far.

Every refusal says why and what to do; nothing is written here.
"""

from __future__ import annotations

from typing import NamedTuple

from services.chassis.envelope import partition_of
from services.chassis.event_store import EventStore
from services.chassis.flow.comparison import rows_of
from services.chassis.flow.topic_index import Seen, TopicIndex
from services.chassis.truth.leaf import leaf_of_row
from services.chassis.truth.snapshot import snapshot


class NotRecoverable(Exception):
    """Nothing was changed; the sentence says why, and what to do."""


class Reach(NamedTuple):
    """How far the topic leads on from the store: the last position without a gap, and how many lie behind one."""

    last: int
    behind_gap: int


def require_same(store: EventStore, index: TopicIndex) -> None:
    """What the store still holds is what the topic has; else the two have gone separate ways."""
    seen = index.rows()
    at = next(seen, None)
    with snapshot(store) as connection:
        for page in rows_of(connection):
            for row in page:
                while at is not None and at.position < row[0]:
                    at = next(seen, None)
                if at is not None and at.position == row[0] and at.leaf != leaf_of_row(row):
                    raise _differs(at)


def reach_of(store: EventStore, head: int, index: TopicIndex) -> Reach:
    """How far the topic leads on behind `head`. Each event that is to come back is alone at its position, on its
    stream's partition."""
    last, behind = head, 0
    partitions = store.info.partitions
    for row in index.rows():
        if row.position <= head:
            continue
        if row.differs or row.partition != partition_of(row.id.rpartition("/")[0], partitions):
            raise _differs(row)
        if row.position == last + 1:
            last = row.position
        else:
            behind += 1
    return Reach(last, behind)


def contiguous(index: TopicIndex) -> int:
    """Up to where the topic has every event."""
    last = 0
    for row in index.rows():
        if row.position != last + 1:
            break
        last = row.position
    return last


def other_city(service: str) -> NotRecoverable:
    return NotRecoverable(
        f"{service} 的主题不属于这座城市,或签名密钥不同,未作任何修改 · the topics of {service} are of "
        "another city, or signed with another key; nothing was changed"
    )


def gap(reach: Reach) -> NotRecoverable:
    return NotRecoverable(
        f"主题缺少位置 {reach.last + 1} 的事件,其后还有 {reach.behind_gap} 个;若已无处可寻,用 --give-up 放弃其后的"
        f"事件,未作任何修改 · the topic lacks the event at position {reach.last + 1}, {reach.behind_gap} stand "
        "behind it; if it is nowhere else, --give-up gives those up; nothing was changed"
    )


def _differs(at: Seen) -> NotRecoverable:
    return NotRecoverable(
        f"位置 {at.position} 的事件在事件库与主题中不同(分区 {at.partition} 偏移 {at.first}),主题不是事件库的延续,"
        f"未作任何修改 · the event at position {at.position} is not the same in store and topic (partition "
        f"{at.partition} offset {at.first}): the topic does not go on from the store; nothing was changed"
    )
