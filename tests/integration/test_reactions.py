"""Reactions: events in, commands out, each with its effect exactly once whatever is delivered again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus
from services.chassis.commanding.gateway import Receipt
from services.chassis.domain import Command
from services.chassis.envelope import Envelope, partition_of
from services.chassis.errors import DeadlineExceeded, Overloaded, StaleVersion, Unavailable
from services.chassis.forms.embedded import Embedded
from services.chassis.reactions.sink import ReactionSink
from services.chassis.reactions.table import Reaction
from services.chassis.settings import Settings
from services.chassis.sinks.database import SinkDatabase
from services.chassis.sinks.sink import NotYet
from services.chassis.time.clock import SetClock
from services.chassis.views.view import Received
from tests.faulty_bus import FaultyBus
from tests.sample_service import (
    LEDGER,
    NOON,
    REACTIONS,
    UNLUCKY,
    Add,
    CounterAdded,
    Note,
    OpenCounter,
    do,
    open_city,
    sample_service,
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        yield opened


def ledger(city: Embedded, name: str) -> list[int]:
    """What was noted in a ledger, from its stream."""
    store = city.stores["sample"]
    events = [city.registry.decode(e.type, e.data) for e in store.read_stream(f"ledger-{name}")]
    return [event.amount for event in events]  # type: ignore[attr-defined]


def dispatch(city: Embedded) -> Any:
    return city.hosts["sample"].own.dispatch


def test_a_service_is_ready_once_its_reactions_have_caught_up_too(city: Embedded) -> None:
    host = city.hosts["sample"]
    do(city, OpenCounter(counter="a", unit="130602"))
    jobs = host.jobs(0.0)
    jobs["follow"].step()
    jobs["follow"].step()
    assert host.trouble == "sample:反应正在追赶事件 · the reactions are catching up"
    jobs["react"].step()
    jobs["react"].step()
    assert host.trouble is None


def test_a_job_that_fails_unforeseen_is_told(city: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    host = city.hosts["sample"]
    monkeypatch.setattr(host, "look_at_the_day", lambda: 1 // 0)
    jobs = host.jobs(0.0)
    for name in ("follow", "follow", "react", "react", "pass_days"):
        jobs[name].step()
    assert "pass_days 意外失败" in (host.trouble or "")


class Reacting:
    """The sample's reactions fed from a bus of the test, with their checkpoints in a file of the test."""

    def __init__(self, city: Embedded, path: Path, bus: Bus | None = None, send: Any = None, **how: Any) -> None:
        host = city.hosts["sample"]
        self.database = SinkDatabase(path, durable=False)
        reactions: Sequence[Reaction] = how.get("reactions", REACTIONS)
        sink = ReactionSink(
            "reactions",
            self.database,
            reactions,
            host.views,
            send or dispatch(city),
            host.bus.stream_of,
            how.get("ready", lambda _fact: True),
        )
        self.intake = Intake(sink, city.registry, city.clock.now, 100)
        self.consumer = Consumer("reactions", bus or city.bus, ["sample"], [self.intake], batch=how.get("batch", 500))

    def close(self) -> None:
        self.consumer.stop()
        self.database.close()


def test_each_fact_has_its_effect(city: Embedded) -> None:
    do(city, OpenCounter(counter="a", unit="130602"), Add(counter="a", amount=3), Add(counter="a", amount=4, times=2))
    city.settle()
    assert ledger(city, "a") == [3, 4, 4]
    (first, *_) = city.stores["sample"].read_stream("ledger-a")
    (cause,) = [e for e in city.stores["sample"].read_stream("counter-a") if e.version == 2]
    assert first.causation_id == cause.id
    assert first.correlation_id == cause.correlation_id
    assert first.actor == "system:sample"


@pytest.mark.parametrize("seed", range(6))
def test_the_effect_is_there_once_however_often_a_fact_is_delivered(city: Embedded, tmp_path: Path, seed: int) -> None:
    """By a bus that repeats, loses and mixes, with a restart now and then."""
    do(city, *(OpenCounter(counter=name, unit="130602") for name in "abc"))
    do(city, *(Add(counter="abc"[n % 3], amount=n) for n in range(14, 38)))
    bus = FaultyBus(city.stores, seed)
    for _ in range(4):
        with closing(Reacting(city, tmp_path / "reactions.sqlite", bus, batch=7)) as reacting:
            for _ in range(60):
                reacting.consumer.step()
    for number, name in enumerate("abc"):
        assert ledger(city, name) == [n for n in range(14, 38) if n % 3 == number]


def test_a_crash_between_the_commands_and_the_checkpoint_changes_nothing(city: Embedded, tmp_path: Path) -> None:
    do(city, OpenCounter(counter="a", unit="130602"), *(Add(counter="a", amount=n) for n in range(1, 6)))

    def crash(*arguments: Any) -> None:
        if arguments[2].startswith("INSERT INTO checkpoints"):
            raise OperationalError("INSERT", None, sqlite3.OperationalError("disk I/O error"))

    with closing(Reacting(city, tmp_path / "reactions.sqlite")) as reacting:
        event.listen(reacting.database.engine, "before_cursor_execute", crash)
        for _ in range(3):
            with pytest.raises(OperationalError):
                reacting.consumer.step()
        assert ledger(city, "a") == [1, 2, 3, 4, 5]
    with closing(Reacting(city, tmp_path / "reactions.sqlite")) as reacting:
        reacting.consumer.drain()
        assert ledger(city, "a") == [1, 2, 3, 4, 5]
        assert reacting.database.read_parked() == []


def test_what_an_earlier_delivery_did_stands_when_the_tables_say_something_else_now(
    city: Embedded, tmp_path: Path
) -> None:
    """The command has its id already, with another body."""
    text = ["before the crash"]

    def react(received: Any, reader: Any) -> list[Command]:
        return [Note(ledger="a", amount=received.event.amount, text=text[0])]

    reactions = (Reaction("telling", CounterAdded, react),)
    do(city, OpenCounter(counter="a", unit="130602"), Add(counter="a", amount=2))
    for path in ("first", "again"):
        with closing(Reacting(city, tmp_path / f"{path}.sqlite", reactions=reactions)) as reacting:
            reacting.consumer.drain()
            assert reacting.database.read_parked() == []
        text[0] = "after it"
    (noted,) = city.stores["sample"].read_stream("ledger-a")
    assert b"before the crash" in noted.data


@pytest.mark.parametrize(
    "trouble",
    [Overloaded("忙", "busy"), Unavailable("满", "full"), DeadlineExceeded("迟", "late"), StaleVersion("旧", "old")],
)
def test_passing_troubles_are_waited_out(city: Embedded, tmp_path: Path, trouble: Exception) -> None:
    do(city, OpenCounter(counter="a", unit="130602"), Add(counter="a", amount=1), Add(counter="a", amount=2))
    left = [2]

    def send(commands: Sequence[tuple[Command, str, Envelope]]) -> None:
        if left[0]:
            left[0] -= 1
            raise trouble
        dispatch(city)(commands)

    with closing(Reacting(city, tmp_path / "reactions.sqlite", send=send)) as reacting:
        assert reacting.consumer.turn(0.0) is None
        assert reacting.consumer.turn(0.0) is None
        assert reacting.consumer.failure is None
        assert reacting.consumer.turn(0.0) is not None
        assert ledger(city, "a") == [1, 2]
        assert reacting.database.read_parked() == []


def test_a_broken_rule_parks_the_stream_and_the_rest_goes_on(city: Embedded, tmp_path: Path) -> None:
    do(city, OpenCounter(counter="a", unit="130602"), OpenCounter(counter="b", unit="130602"))
    do(city, Add(counter="a", amount=1), Add(counter="a", amount=UNLUCKY), Add(counter="a", amount=2))
    do(city, Add(counter="b", amount=5))
    city.settle()
    assert ledger(city, "a") == [1]
    assert ledger(city, "b") == [5]
    parked = city.hosts["sample"].parked()
    assert [(fact.stream, fact.version) for fact in parked] == [("counter-a", 3), ("counter-a", 4)]
    assert "LEDGER_UNLUCKY" in parked[0].error
    assert city.hosts["sample"].views.get("counters", "a").total == 16, "the views take what the reaction can't"


def test_a_parked_fact_has_its_effect_after_a_retry(tmp_path: Path) -> None:
    limit = [UNLUCKY]

    def note(state: int, command: Note, facts: Any) -> Any:
        if command.amount == limit[0]:
            raise ValueError("a mistake in the program")
        return LEDGER.decisions[Note](state, msgspec_shifted(command), facts)

    service = sample_service()
    counter, aggregate = service.aggregates
    mended = replace(aggregate, decider=replace(LEDGER, decisions={Note: note}))
    with closing(open_city(tmp_path, replace(service, aggregates=(counter, mended)))) as city:
        do(city, OpenCounter(counter="a", unit="130602"), Add(counter="a", amount=UNLUCKY), Add(counter="a", amount=2))
        city.settle()
        assert ledger(city, "a") == []
        limit[0] = 0
        host = city.hosts["sample"]
        assert host.retry_parked(None) == 2
        assert host.followers.reactions is not None
        host.followers.reactions._next_look = 0.0
        city.settle()
        host.followers.reactions.step()
        assert ledger(city, "a") == [UNLUCKY + 100, 102]
        assert host.parked() == []


def msgspec_shifted(command: Note) -> Note:
    """A mended program notes a hundred more, so that the ledger's rule lets it pass."""
    return Note(ledger=command.ledger, amount=command.amount + 100)


def test_days_that_passed_are_made_up_in_order_and_once(tmp_path: Path) -> None:
    clock = SetClock(NOON)
    with closing(open_city(tmp_path, clock=clock)) as city:
        host = city.hosts["sample"]
        do(city, OpenCounter(counter="a", unit="130602"))
        city.settle()
        assert host.pass_days() is not None
        assert host.pass_days() is None, "the same day again is nothing to do"
        clock.advance(NOON + timedelta(days=5))
        receipt = host.pass_days()
        assert receipt is not None
        assert len(receipt.event_ids) == 5
        city.settle()
        days = [e.occurred_on.day for e in city.stores["sample"].read_stream("calendar-sample")]
        assert days == [28, 1, 2, 3, 4, 5]
        assert ledger(city, "day-a") == [1] * 6, "each day had its effect"
    with closing(open_city(tmp_path, clock=SetClock(NOON + timedelta(days=5)))) as city:
        receipt = city.hosts["sample"].pass_days()
        assert receipt is not None
        assert receipt.event_ids == (), "nor does a restarted process record it again"
        city.settle()
        assert ledger(city, "day-a") == [1] * 6


def test_a_day_waits_for_a_database_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_command: Command) -> Receipt:
        raise Unavailable("事件库暂不可用", "the store is away")

    with closing(open_city(tmp_path, clock=SetClock(NOON))) as city:
        host = city.hosts["sample"]
        with monkeypatch.context() as outage:
            outage.setattr(host.own, "do", away)
            host.look_at_the_day()
        host.look_at_the_day()
        assert len(list(city.stores["sample"].read_stream("calendar-sample"))) == 1


def test_reactions_in_order_make_the_same_store_each_time(tmp_path: Path) -> None:
    made = []
    for run in ("one", "two"):
        clock = SetClock(datetime(2017, 3, 1, 4, tzinfo=UTC))
        settings = Settings(consumer_batch=3)
        with closing(open_city(tmp_path / run, clock=clock, settings=settings, ordered=True)) as city:
            do(city, *(OpenCounter(counter=f"c{n}", unit="130602") for n in range(5)))
            do(city, *(Add(counter=f"c{n % 5}", amount=n) for n in range(14, 30)))
            city.settle()
            city.hosts["sample"].pass_days()
            city.settle()
            made.append([(e.stream, e.version, e.recorded_at, e.data) for e in city.stores["sample"].scan()])
    assert made[0] == made[1]


class Days:
    """Says of which facts the views show what came before."""

    def __init__(self) -> None:
        self.waiting: set[str] = set()

    def ready(self, fact: Received) -> bool:
        return fact.envelope.id not in self.waiting


def test_a_fact_that_must_wait_holds_up_its_own_source_only(city: Embedded, tmp_path: Path) -> None:
    """What came before it in the batch is done and stays done, so that the batch gets shorter each time."""
    one = "a"
    other = next(name for name in "bcdefgh" if _partition(city, name) != _partition(city, one))
    do(city, OpenCounter(counter=one, unit="130602"), OpenCounter(counter=other, unit="130602"))
    do(city, *(Add(counter=name, amount=amount) for amount in (1, 2, 3) for name in (one, other)))
    days = Days()
    days.waiting.add(f"counter-{one}/3")
    with closing(Reacting(city, tmp_path / "reactions.sqlite", ready=days.ready)) as reacting:
        for _ in range(2):
            with pytest.raises(NotYet, match=f"counter-{one}/3"):
                reacting.consumer.step()
            assert (ledger(city, one), ledger(city, other)) == ([1], [1, 2, 3])
            checkpoints = reacting.database.read_checkpoints()
            stood = {source: at.position for source, at in checkpoints.items()}
            (first,) = [e for e in city.stores["sample"].read_stream(f"counter-{one}") if e.version == 2]
            assert stood["sample", first.partition] >= first.position
            assert stood["sample", first.partition] < city.stores["sample"].last_position()
        days.waiting.clear()
        while reacting.consumer.step():
            pass
        assert (ledger(city, one), ledger(city, other)) == ([1, 2, 3], [1, 2, 3])
        assert reacting.database.read_parked() == []


def test_a_poisoned_fact_behind_one_that_waits_is_parked_when_its_turn_comes(city: Embedded, tmp_path: Path) -> None:
    do(city, OpenCounter(counter="a", unit="130602"), *(Add(counter="a", amount=n) for n in (1, 2, UNLUCKY, 4)))
    days = Days()
    days.waiting.add("counter-a/3")
    with closing(Reacting(city, tmp_path / "reactions.sqlite", ready=days.ready)) as reacting:
        with pytest.raises(NotYet):
            reacting.consumer.step()
        assert ledger(city, "a") == [1]
        assert reacting.database.read_parked() == []
        days.waiting.clear()
        while reacting.consumer.step():
            pass
        assert ledger(city, "a") == [1, 2]
        assert [fact.version for fact in reacting.database.read_parked()] == [4, 5]


def _partition(city: Embedded, counter: str) -> int:
    return partition_of(f"counter-{counter}", city.info.partitions)
