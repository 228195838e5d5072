"""A page that was sent: what waiting for its acknowledgements may come to."""

from __future__ import annotations

from typing import cast

import pytest
from kafka.errors import KafkaTimeoutError, NotLeaderForPartitionError

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.kafka.course import Page, Sends
from tests.contract.doors import envelope


class Awaited:
    """An acknowledgement that is waited for in vain, for this reason."""

    is_done = False
    exception: BaseException | None = None

    def __init__(self, reason: Exception, *, ends: bool = False) -> None:
        self._reason = reason
        self._ends = ends

    def get(self, timeout: float) -> object:
        self.is_done, self.exception = self._ends, self._reason if self._ends else None
        raise self._reason


class Sending:
    """Tells of a failed send."""

    def failure(self, envelope: Envelope, error: BaseException) -> Unavailable:
        return Unavailable("发送失败", f"failed: {error!r}")


def settled(acknowledgement: Awaited) -> bool:
    page = Page()
    page.add(envelope(1), acknowledgement)
    return page.settled(0.1, cast(Sends, Sending()))


def test_one_that_does_not_come_in_time_is_waited_for_again() -> None:
    assert not settled(Awaited(KafkaTimeoutError("after 0.1 s")))


def test_a_send_that_failed_is_told() -> None:
    with pytest.raises(Unavailable, match="NotLeader"):
        settled(Awaited(NotLeaderForPartitionError(), ends=True))


def test_a_mistake_is_not_taken_for_a_wait() -> None:
    with pytest.raises(TypeError, match="of ours"):
        settled(Awaited(TypeError("a mistake of ours")))
