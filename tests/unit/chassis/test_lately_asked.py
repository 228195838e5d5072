"""What a gauge shows of something that has to be asked for."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import cast

import pytest
from structlog.testing import capture_logs

from services.chassis.bus.lag import AskedOnce, LagGauges, LatelyAsked
from services.chassis.bus.port import Source, Subscription
from services.chassis.errors import Unavailable
from services.chassis.telemetry.metrics import METRICS
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


def test_several_who_ask_at_a_time_are_told_one_answer_also_where_there_is_none() -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        raise Unavailable("不在", f"away for the {len(asked)}. time")

    once = AskedOnce(ask, 3600.0)

    def reason(_: int) -> str:
        with pytest.raises(Unavailable) as told:
            once()
        return str(told.value)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(reason, range(8)))) == 1
    assert len(asked) == 1


def test_an_answer_is_good_for_its_time_only() -> None:
    answers = iter((1, 2, 3))
    once = AskedOnce(lambda: next(answers), 0.0)
    assert [once(), once(), once()] == [1, 2, 3]


class Watched:
    """A subscription that counts how often it is asked what nobody reads."""

    def __init__(self) -> None:
        self.questions = 0

    def lag(self) -> dict[str, int]:
        return {"work": 7}

    def unheld(self) -> dict[Source, int]:
        self.questions += 1
        return {("work", 3): 5, ("work", 8): 0}

    def oldest_unread(self) -> datetime | None:
        return None


def test_one_reading_of_a_groups_gauges_asks_the_brokers_about_the_group_once() -> None:
    watched = Watched()
    gauges = LagGauges("asked-once", cast(Subscription, watched), lambda _: 0.0)
    try:
        samples = [sample for family in METRICS.registry.collect() for sample in family.samples]
    finally:
        gauges.close()
    shown = {sample.name: sample.value for sample in samples if sample.labels.get("group") == "asked-once"}
    assert shown["bizenv_consumer_lag_records"] == 12.0
    assert shown["bizenv_consumer_unheld_partitions"] == 2.0
    assert watched.questions == 1
