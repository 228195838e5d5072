"""Which positions a token can name: as the stores know it, those of this process or of others in the same database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from services.chassis.event_store import EventStore
from services.chassis.event_store.neighbours import Before
from services.chassis.positions.position import PositionToken, bad_token


class Positions(Protocol):
    """Judges position tokens of services that views listen to. Any thread may ask."""

    def require_possible(self, token: PositionToken) -> None:
        """Raises InvalidRequest for a partition, or an epoch, that the store hasn't, as far as that is known here.
        Returns at once."""
        ...

    def to_come(self, token: PositionToken) -> bool:
        """Whether views that don't show this position have it before them still; raises InvalidRequest where it never
        was given, Unavailable. May read from a disk or a database."""
        ...


class StoredPositions:
    """As the stores know it, which lie in this process: a position that never was given is refused at once."""

    def __init__(self, stores: Mapping[str, EventStore]) -> None:
        self._stores = stores

    def require_possible(self, token: PositionToken) -> None:
        info = self._stores[token.service].info
        _require_begun(token, info.epoch)
        _require_partition(token, info.partitions)

    def to_come(self, token: PositionToken) -> bool:
        """What a store forgot when it was restored will not come: then any later fact of the partition will do, or
        none."""
        store = self._stores[token.service]
        with store.trouble_told():
            at = store.previous_in_partition(token.partition, token.position + 1)
        return _comes(token, Before(store.info.epoch, at))


class Elsewhere(Protocol):
    """Stores of other processes (`Neighbours`)."""

    @property
    def partitions(self) -> int: ...

    def before(self, service: str, partition: int, position: int) -> Before | None: ...


class DatabasePositions:
    """As the stores of one database know it: those that lie in this process, and those of others, for its views are fed
    by their topics. Where one of them can't be read here, whoever asks waits until the deadline."""

    def __init__(self, stores: Mapping[str, EventStore], elsewhere: Elsewhere) -> None:
        self._here = StoredPositions(stores)
        self._stores = stores
        self._elsewhere = elsewhere

    def require_possible(self, token: PositionToken) -> None:
        if token.service in self._stores:
            self._here.require_possible(token)
        else:
            _require_partition(token, self._elsewhere.partitions)

    def to_come(self, token: PositionToken) -> bool:
        if token.service in self._stores:
            return self._here.to_come(token)
        found = self._elsewhere.before(token.service, token.partition, token.position + 1)
        return True if found is None else _comes(token, found)


def _comes(token: PositionToken, found: Before) -> bool:
    """`found`: the newest position of the token's partition up to the token's."""
    _require_begun(token, found.epoch)
    if token.epoch < found.epoch:
        return found.position > 0
    if found.position != token.position:
        raise bad_token(
            f"事件库在分区 {token.partition} 没有位置 {token.position}",
            f"the store has no position {token.position} in partition {token.partition}",
        )
    return True


def _require_begun(token: PositionToken, epoch: int) -> None:
    if token.epoch > epoch:
        raise bad_token(f"纪元 {token.epoch} 尚未开始,事件库现为 {epoch}", f"the store's epoch is {epoch}")


def _require_partition(token: PositionToken, partitions: int) -> None:
    if token.partition >= partitions:
        raise bad_token(f"分区应小于 {partitions}", f"the store's partitions are below {partitions}")
