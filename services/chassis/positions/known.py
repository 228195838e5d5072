"""Which positions a token can name: as the stores themselves know it, or a process that has none of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from services.chassis.event_store import EventStore
from services.chassis.positions.position import PositionToken, bad_token


class Positions(Protocol):
    """Judges position tokens of services that views listen to. Any thread may ask."""

    def require_possible(self, token: PositionToken) -> None:
        """Raises InvalidRequest for an epoch or a partition that the store hasn't. Returns at once."""
        ...

    def to_come(self, token: PositionToken) -> bool:
        """Whether views that don't show this position have it before them still; raises InvalidRequest where it never
        was given, Unavailable. May read from disk."""
        ...


class StoredPositions:
    """As the stores know it, which lie in this process: a position that never was given is refused at once."""

    def __init__(self, stores: Mapping[str, EventStore]) -> None:
        self._stores = stores

    def require_possible(self, token: PositionToken) -> None:
        info = self._stores[token.service].info
        if token.epoch > info.epoch:
            raise bad_token(
                f"纪元 {token.epoch} 尚未开始,事件库现为 {info.epoch}", f"the store's epoch is {info.epoch}"
            )
        _require_partition(token, info.partitions)

    def to_come(self, token: PositionToken) -> bool:
        """What a store forgot when it was restored will not come: then any later fact of the partition will do, or
        none."""
        store = self._stores[token.service]
        at = store.previous_in_partition(token.partition, token.position + 1)
        if token.epoch < store.info.epoch:
            return at > 0
        if at != token.position:
            raise bad_token(
                f"事件库在分区 {token.partition} 没有位置 {token.position}",
                f"the store has no position {token.position} in partition {token.partition}",
            )
        return True


class PublishedPositions:
    """As a process knows it that has no store of these services, only views fed by their topics.

    `partitions` tells how many a service's topic has (None: not known yet). Whether a position that the views don't
    show was given, and in which epoch, only the store could say: whoever asks waits for it until the deadline.
    """

    def __init__(self, partitions: Callable[[str], int | None]) -> None:
        self._partitions = partitions

    def require_possible(self, token: PositionToken) -> None:
        known = self._partitions(token.service)
        if known is not None:
            _require_partition(token, known)

    def to_come(self, token: PositionToken) -> bool:
        return True


def _require_partition(token: PositionToken, partitions: int) -> None:
    if token.partition >= partitions:
        raise bad_token(f"分区应小于 {partitions}", f"the store's partitions are below {partitions}")
