"""What a gauge shows of something that has to be asked for."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

from structlog.testing import capture_logs

from services.chassis.bus.lag import LatelyAsked
from services.chassis.errors import Unavailable
from tests.waiting import eventually


def test_it_is_asked_for_at_each_reading() -> None:
    answers = iter([3.0, 5.0])
    gauge = LatelyAsked(lambda: next(answers), 60)
    assert [gauge(), gauge()] == [3.0, 5.0]


def test_one_that_can_not_tell_is_unknown_and_says_why_once_until_it_can_again() -> None:
    away, broken = Unavailable("不在", "away"), ZeroDivisionError("a mistake of ours")
    answers: Iterator[float | Exception] = iter((away, away, 3.0, away, broken))

    def measure() -> float:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    gauge = LatelyAsked(measure, 60, "lag of a test")
    with capture_logs() as told:
        known = [gauge() for _ in range(5)]
    assert [math.isnan(each) for each in known] == [True, True, False, True, True]
    assert [line["what"] for line in told] == ["lag of a test"] * 3
    assert [line["reason"].partition(":")[0] for line in told] == ["Unavailable", "Unavailable", "ZeroDivisionError"]


def test_one_that_keeps_silent_is_waited_for_by_one_thread_and_by_no_reader() -> None:
    """Readers get what was known last, and the answer once it has come."""
    going_on = threading.Event()
    going_on.set()
    asked: list[int] = []

    def measure() -> float:
        asked.append(1)
        assert going_on.wait(60)
        return float(len(asked))

    gauge = LatelyAsked(measure, 0.01)
    eventually(lambda: gauge() > 0)
    going_on.clear()
    before = len(asked)
    eventually(lambda: gauge() and len(asked) > before)
    known = gauge()
    assert [gauge() for _ in range(20)] == [known] * 20
    assert len(asked) == before + 1
    going_on.set()
    eventually(lambda: gauge() > known)
