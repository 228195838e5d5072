"""The topics as an audit and a recovery see them: as they are now, read from the first record to the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from services.chassis.flow.topic_index import TopicIndex
from services.chassis.kafka.records import KeyedRecord, Own


class Topics(Protocol):
    """The topics as they are (`WholeTopics`). Every method raises Unavailable."""

    def name(self, service: str) -> str:
        """The service's topic of events."""
        ...

    def heads_name(self, service: str) -> str:
        """The topic of its signed heads."""
        ...

    def exists(self, topic: str) -> bool:
        """Whether there is such a topic."""
        ...

    def ends(self, topic: str) -> Mapping[int, int]:
        """Per partition, the offset of the next record."""
        ...

    def read(self, topic: str, ends: Mapping[int, int]) -> Iterator[tuple[int, Sequence[KeyedRecord]]]:
        """All records before these offsets, in the order of each partition."""
        ...


def read_topic(
    topics: Topics,
    own: Own,
    progress: Callable[[int, int], None],
    keep_after: int | None = None,
    begun: Mapping[int, int] | None = None,
) -> TopicIndex:
    """A service's topic up to where it ends now, without what is no event of its `own`. To be closed by the caller.
    `keep_after`: keep events of later positions whole. `begun`: first positions of epochs, as signed heads tell."""
    topic = topics.name(own.service)
    ends = topics.ends(topic)
    index = TopicIndex(own, keep_after)
    try:
        total = sum(ends.values())
        for partition, records in topics.read(topic, ends):
            index.take(partition, records)
            progress(min(index.records, total), total)
        index.close_books(begun or {})
    except BaseException:
        index.close()
        raise
    return index
