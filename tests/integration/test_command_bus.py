"""The command bus: rights, repeats, stale states and many callers, on a real store."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.chassis.auth import Principal, Role, system
from services.chassis.commanding.command_bus import ATTEMPTS, CommandBus
from services.chassis.commanding.gateway import Receipt
from services.chassis.domain import Command, DomainError
from services.chassis.envelope import LARGEST_EVENT_BYTES
from services.chassis.errors import (
    CommandIdReused,
    DeadlineExceeded,
    Forbidden,
    InvalidRequest,
    NotFound,
    Overloaded,
    StaleVersion,
    TooLarge,
    Unavailable,
)
from services.chassis.event_store import Append, EventStore, NewEvent, StoreKind
from services.chassis.event_store.model import Outcome
from services.chassis.forms.embedded import Embedded, create_city
from services.chassis.hosting.passing_time import PassDay
from services.chassis.positions.position import PositionToken
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.telemetry.metrics import METRICS
from services.chassis.time.clock import SetClock
from tests.followers import record
from tests.full_disk import FullDisk
from tests.sample_service import (
    CITY,
    DAY,
    LEADER,
    LIMIT,
    NOON,
    OTHER_STAFF,
    STAFF,
    Add,
    CounterRenamed,
    HandOver,
    Note,
    OpenCounter,
    Rename,
    call,
    do,
    do_all,
    new_id,
    open_city,
    sample_service,
)
from tests.waiting import eventually

OPEN = OpenCounter(counter="a", unit="130602")


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Embedded]:
    with closing(open_city(tmp_path)) as opened:
        do(opened, OPEN)
        yield opened


@pytest.fixture
def other(city: Embedded, tmp_path: Path) -> Iterator[Embedded]:
    """Another process on the same store."""
    with closing(open_city(tmp_path)) as opened:
        yield opened


def events(city: Embedded, stream: str = "counter-a") -> list[tuple[int, str]]:
    """(version, what) of a stream."""
    return [(e.version, e.type.split(".")[2]) for e in city.stores["sample"].read_stream(stream)]


def amounts(city: Embedded, counter: str = "a") -> list[int]:
    stream = city.stores["sample"].read_stream(f"counter-{counter}")
    facts = [city.registry.decode(e.type, e.data) for e in stream if e.type == "bizenv.counter.added.v1"]
    return [fact.amount for fact in facts]  # type: ignore[attr-defined]


def bus_of(city: Embedded) -> CommandBus:
    return city.hosts["sample"].bus


# --- what a command answers ---------------------------------------------------------------------------------------


def test_an_event_that_no_topic_takes_is_refused_and_its_field_named(city: Embedded) -> None:
    around = len(city.registry.encode(CounterRenamed(occurred_on=DAY, title="")))
    longest = "x" * (LARGEST_EVENT_BYTES - around)
    with pytest.raises(TooLarge, match=f"more than {LARGEST_EVENT_BYTES}") as refused:
        do(city, Rename(counter="a", title=longest + "x"))
    assert [violation.field for violation in refused.value.violations] == ["title"]
    assert len(events(city)) == 1
    do(city, Rename(counter="a", title=longest))
    assert len(city.stores["sample"].read_stream("counter-a")[-1].data) == LARGEST_EVENT_BYTES


def test_a_receipt_says_what_was_recorded_and_where(city: Embedded) -> None:
    command_id = new_id()
    receipt = city.do(Add(counter="a", amount=3, times=2), call(STAFF, command_id=command_id))
    store = city.stores["sample"]
    recorded = store.read_stream("counter-a")[1:]
    assert receipt.command_id == command_id
    assert receipt.stream == "counter-a"
    assert receipt.version == 3
    assert receipt.event_ids == ("counter-a/2", "counter-a/3") == tuple(e.id for e in recorded)
    assert not receipt.repeated
    token = PositionToken.parse(receipt.token)
    assert token == PositionToken("sample", 1, recorded[-1].partition, recorded[-1].position)
    assert {(e.actor, e.command_id, e.correlation_id, e.causation_id) for e in recorded} == {
        ("unit_staff:zhao", command_id, command_id, command_id)
    }


def test_a_command_with_nothing_to_record_is_quiet(city: Embedded) -> None:
    (renamed,) = do(city, Rename(counter="a", title="one"))
    for _ in range(2):
        (receipt,) = do(city, Rename(counter="a", title="one"))
        assert receipt.event_ids == ()
        assert receipt.version == 2
        assert not receipt.repeated
        assert receipt.token == renamed.token
    assert events(city) == [(1, "opened"), (2, "renamed")]


def test_a_broken_rule_records_nothing_and_frees_its_id(city: Embedded) -> None:
    command_id = new_id()
    with pytest.raises(DomainError, match="COUNTER_OVER_LIMIT"):
        city.do(Add(counter="a", amount=LIMIT + 1), call(command_id=command_id))
    assert events(city) == [(1, "opened")]
    receipt = city.do(Add(counter="a", amount=1), call(command_id=command_id))
    assert not receipt.repeated, "refusals are not stored"
    with pytest.raises(DomainError, match="DATE_IN_FUTURE"):
        do(city, Add(counter="a", amount=1, occurred_on=date(2017, 3, 2)))


def test_a_command_id_must_be_a_uuid_and_its_spelling_does_not_count(city: Embedded) -> None:
    with pytest.raises(InvalidRequest) as raised:
        city.do(Add(counter="a", amount=1), call(command_id="one"))
    assert raised.value.violations[0].field == "command_id"
    command_id = new_id()
    first = city.do(Add(counter="a", amount=1), call(command_id=command_id))
    again = city.do(Add(counter="a", amount=1), call(command_id=command_id.upper()))
    assert again.repeated
    assert again.event_ids == first.event_ids


def test_what_no_service_offers_is_not_found(city: Embedded) -> None:
    class Sing(Command, frozen=True, kw_only=True):
        song: str

    with pytest.raises(NotFound):
        city.do(Sing(song="la"), call())
    with pytest.raises(NotFound):
        city.do(PassDay(service="sample", day=date(2017, 2, 28)), call(system("sample")))


# --- rights -------------------------------------------------------------------------------------------------------


def test_without_a_right_nothing_is_done(city: Embedded) -> None:
    for principal in (LEADER, Principal(account="sun", role=Role.AUDITOR)):
        with pytest.raises(Forbidden):
            do(city, Add(counter="a", amount=1), principal=principal)
    with pytest.raises(Forbidden):
        do(city, Note(ledger="a", amount=1))
    assert events(city) == [(1, "opened")]


def test_the_own_unit_is_the_limit_of_unit_staff(city: Embedded) -> None:
    do(city, Add(counter="a", amount=1), principal=STAFF)
    with pytest.raises(Forbidden, match="130606"):
        do(city, Add(counter="a", amount=1), principal=OTHER_STAFF)
    with pytest.raises(Forbidden):
        do(city, OpenCounter(counter="b", unit="130602"), principal=OTHER_STAFF)
    with pytest.raises(Forbidden):
        do(city, Add(counter="never", amount=1), principal=OTHER_STAFF)
    do(city, OpenCounter(counter="b", unit="130606"), principal=OTHER_STAFF)
    do(city, Add(counter="b", amount=1), principal=CITY)
    assert events(city) == [(1, "opened"), (2, "added")]


def test_what_is_the_business_of_two_units_takes_the_right_to_both(tmp_path: Path) -> None:
    service = sample_service()
    counter, *others = service.aggregates
    shared = replace(counter, scope=lambda _reader, _state, _command, _facts: ("130602", "130606"))
    with closing(open_city(tmp_path, replace(service, aggregates=(shared, *others)))) as city:
        for principal in (STAFF, OTHER_STAFF):
            with pytest.raises(Forbidden):
                do(city, OPEN, principal=principal)
        do(city, OPEN, principal=CITY)
        assert events(city) == [(1, "opened")]


def test_the_platform_itself_may_send_what_no_door_offers(city: Embedded) -> None:
    receipt = city.loop.run(bus_of(city).execute(Note(ledger="a", amount=1), call(system("sample"))))
    assert receipt.event_ids == ("ledger-a/1",)


# --- versions and repeats -----------------------------------------------------------------------------------------


def test_an_expected_version_holds_exactly(city: Embedded) -> None:
    city.do(Add(counter="a", amount=1), call(expected_version=1))
    for version in (0, 1, 3):
        with pytest.raises(StaleVersion):
            city.do(Add(counter="a", amount=1), call(expected_version=version))
    with pytest.raises(StaleVersion):
        city.do(Rename(counter="a", title=""), call(expected_version=1))
    city.do(Add(counter="a", amount=1), call(expected_version=2))
    city.do(OpenCounter(counter="b", unit="130602"), call(expected_version=0))
    assert events(city) == [(1, "opened"), (2, "added"), (3, "added")]


@pytest.mark.parametrize("cold", [False, True])
def test_a_repeated_id_answers_the_first_result(city: Embedded, other: Embedded, cold: bool) -> None:
    """Even where the state would refuse it now; the same from a process that has never seen it."""
    again_in = other if cold else city
    opened, moved, filled, versioned = (new_id() for _ in range(4))
    commands = {
        opened: (OpenCounter(counter="b", unit="130602"), call(STAFF, command_id=opened)),
        filled: (Add(counter="b", amount=LIMIT), call(STAFF, command_id=filled)),
        versioned: (Rename(counter="b", title="full"), call(STAFF, command_id=versioned, expected_version=2)),
        moved: (HandOver(counter="b", unit="130606"), call(STAFF, command_id=moved)),
    }
    first = {command_id: city.do(*command) for command_id, command in commands.items()}
    for command_id, command in commands.items():
        again = again_in.do(*command)
        assert again.repeated
        assert (again.event_ids, again.version, again.token) == (
            first[command_id].event_ids,
            first[command_id].version,
            first[command_id].token,
        )
    assert len(events(city, "counter-b")) == 4


def test_a_repeat_of_what_is_quiet_by_now_answers_the_first_result(city: Embedded) -> None:
    command_id = new_id()
    first = city.do(Rename(counter="a", title="x"), call(command_id=command_id))
    again = city.do(Rename(counter="a", title="x"), call(command_id=command_id))
    assert again.repeated
    assert again.event_ids == first.event_ids == ("counter-a/2",)


def test_the_same_id_for_something_else_is_refused(city: Embedded) -> None:
    command_id = new_id()
    city.do(Add(counter="a", amount=1), call(STAFF, command_id=command_id))
    others: list[tuple[Command, Principal]] = [
        (Add(counter="a", amount=2), STAFF),
        (Add(counter="a", amount=1), msgspec.structs.replace(STAFF, unit="130606")),
        (Add(counter="a", amount=LIMIT + 1), STAFF),
        (Add(counter="a", amount=1), CITY),
        (OpenCounter(counter="c", unit="130602"), STAFF),
        (OpenCounter(counter="a", unit="130602"), STAFF),
        (Rename(counter="a", title=""), STAFF),
    ]
    for command, principal in others:
        with pytest.raises(CommandIdReused):
            city.do(command, call(principal, command_id=command_id))
    assert events(city) == [(1, "opened"), (2, "added")]


def test_one_id_sent_by_many_at_once_is_carried_out_once(city: Embedded, other: Embedded) -> None:
    sent = [(Add(counter="a", amount=1), call(command_id=(command_id := new_id())))] + [
        (Add(counter="a", amount=1), call(command_id=command_id)) for _ in range(31)
    ]
    answers: list[Receipt | BaseException] = []
    threads = [threading.Thread(target=lambda c=c: answers.extend(do_all(c, sent))) for c in (city, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert Counter(answer.repeated for answer in answers if isinstance(answer, Receipt)) == {False: 1, True: 63}
    assert amounts(city) == [1]


# --- states that another process has moved on ---------------------------------------------------------------------


def test_a_stale_state_never_lets_through_what_the_rules_forbid(city: Embedded, other: Embedded) -> None:
    do(city, Add(counter="a", amount=1))
    do(other, Add(counter="a", amount=LIMIT - 1))
    with pytest.raises(DomainError, match="COUNTER_OVER_LIMIT"):
        do(city, Add(counter="a", amount=1))
    assert sum(amounts(city)) == LIMIT


def test_a_stale_state_never_refuses_what_the_rules_allow(city: Embedded, other: Embedded) -> None:
    do(city, Add(counter="a", amount=LIMIT))
    do(other, Add(counter="a", amount=-10))
    (receipt,) = do(city, Add(counter="a", amount=5))
    assert receipt.version == 4
    assert sum(amounts(city)) == LIMIT - 5


def test_a_stale_state_keeps_nothing_quiet(city: Embedded, other: Embedded) -> None:
    do(city, Rename(counter="a", title="x"))
    do(other, Rename(counter="a", title="y"))
    (receipt,) = do(city, Rename(counter="a", title="x"))
    assert receipt.event_ids == ("counter-a/4",)


def test_a_stale_state_decides_on_no_ones_rights(city: Embedded, other: Embedded) -> None:
    do(city, Add(counter="a", amount=1))
    do(other, HandOver(counter="a", unit="130606"))
    do(city, Add(counter="a", amount=2), principal=OTHER_STAFF)
    do(other, HandOver(counter="a", unit="130602"))
    with pytest.raises(Forbidden):
        do(city, Add(counter="a", amount=3), principal=OTHER_STAFF)


def test_a_stale_state_knows_no_expected_version(city: Embedded, other: Embedded) -> None:
    do(city, Add(counter="a", amount=1))
    do(other, Add(counter="a", amount=1))
    city.do(Add(counter="a", amount=1), call(expected_version=3))
    do(other, Add(counter="a", amount=1))
    with pytest.raises(StaleVersion):
        city.do(Add(counter="a", amount=1), call(expected_version=4))
    assert len(amounts(city)) == 4


class Contested(EventStore):
    """A store on which another writer is first, so many times."""

    rivals = 0
    tries = 0

    async def append(self, append: Append) -> Outcome:
        self.tries += 1
        if self.rivals:
            self.rivals -= 1
            with closing(EventStore(self.dialect, self.service)) as rival:
                name = f"rival {new_id()}"
                first = msgspec.structs.replace(append, command_id=name, command_hash=name.encode())
                await asyncio.to_thread(rival.append_now, first)
        return await super().append(append)


@pytest.mark.parametrize(("rivals", "wins"), [(0, True), (1, True), (ATTEMPTS - 1, True), (ATTEMPTS, False)])
def test_a_conflict_is_decided_anew_so_many_times_and_no_more(
    city: Embedded, tmp_path: Path, rivals: int, wins: bool
) -> None:
    host = city.hosts["sample"]
    dialect = city.stores["sample"].dialect
    with closing(Contested(dialect, "sample")) as store:
        store.rivals = rivals
        bus = CommandBus(host.service, store, city.registry, host.views, city.clock, 64)
        if wins:
            receipt = city.loop.run(bus.execute(Add(counter="a", amount=7), call()))
            assert receipt.version == rivals + 2
        else:
            with pytest.raises(StaleVersion):
                city.loop.run(bus.execute(Add(counter="a", amount=7), call()))
        assert store.tries == min(rivals + 1, ATTEMPTS)
        after = city.loop.run(bus.execute(Add(counter="a", amount=1), call()))
        assert after.version == len(events(city))


# --- what decisions rest on -------------------------------------------------------------------------------------


def open_with_reference(folder: Path) -> Embedded:
    """A city whose counters are decided on the facts of another service."""
    sample = sample_service()
    counters = replace(sample.aggregates[0], facts=lambda reader, state, command, base: base)
    sample = replace(
        sample, aggregates=(counters, *sample.aggregates[1:]), listens_to=("sample", "reference"), keeps_calendar=False
    )
    reference = Service("reference", "参考")
    if not (folder / "sample").exists():
        create_city(folder, [sample, reference], StoreKind.REHEARSAL, "sample-2017", created_at=NOON)
    return Embedded(folder, [sample, reference], Settings(), SetClock(NOON), durable=False)


def test_until_the_facts_that_it_rests_on_were_here_once_a_command_must_wait(tmp_path: Path) -> None:
    with closing(open_with_reference(tmp_path)) as city:
        record(city.stores["reference"], 3)
        follow = city.hosts["sample"].jobs(0.0)["follow"]
        with pytest.raises(Unavailable, match="not ready yet: facts of reference are not here yet"):
            do(city, OPEN)
        for _ in range(3):
            follow.step()
        do(city, OPEN)
    with closing(open_with_reference(tmp_path)) as city:
        record(city.stores["reference"], 3)
        city.hosts["sample"].jobs(0.0)
        do(city, Add(counter="a", amount=1))


# --- deadlines, cancellation, trouble -----------------------------------------------------------------------------


class Held:
    """The store's writer, held behind a commit of its own until let go."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._gate, self._reached = threading.Event(), threading.Event()

    def __enter__(self) -> Held:
        self._store.on_append(self._wait)
        threading.Thread(target=self._append, daemon=True).start()
        assert self._reached.wait(30)
        return self

    def _append(self) -> None:
        append = Append(
            stream="gate-a",
            expected_version=0,
            command_id=new_id(),
            command_hash=b"",
            events=(NewEvent("bizenv.gate.held.v1", date(2017, 3, 1), b"{}"),),
            recorded_at=0,
            actor="",
            correlation_id="",
            causation_id="",
        )
        self._store.append_now(append)

    def _wait(self) -> None:
        self._reached.set()
        self._gate.wait(60)

    @property
    def queued(self) -> int:
        return self._store._writer.depth

    def __exit__(self, *_: object) -> None:
        self._store.forget(self._wait)
        self._gate.set()


def test_a_deadline_that_has_passed_records_nothing(city: Embedded) -> None:
    with pytest.raises(DeadlineExceeded):
        city.do(Add(counter="a", amount=1), call(seconds=0))
    with pytest.raises(DeadlineExceeded):
        city.loop.run(bus_of(city).execute(Add(counter="a", amount=1), call(seconds=0)))
    do(city, Add(counter="a", amount=2))
    assert amounts(city) == [2]


def test_a_deadline_that_passes_while_appending_is_answered_by_a_repeat(city: Embedded) -> None:
    command_id = new_id()
    do(city, Add(counter="a", amount=1))
    with Held(city.stores["sample"]), pytest.raises(DeadlineExceeded, match="repeat it with the same id"):
        city.do(Add(counter="a", amount=2), call(command_id=command_id, seconds=2))
    eventually(lambda: len(events(city)) == 3)
    again = city.do(Add(counter="a", amount=2), call(command_id=command_id))
    assert again.repeated
    assert again.event_ids == ("counter-a/3",)
    (receipt,) = do(city, Add(counter="a", amount=3))
    assert receipt.version == 4
    assert amounts(city) == [1, 2, 3]


def test_a_command_cancelled_while_appending_leaves_the_state_right(city: Embedded) -> None:
    do(city, Add(counter="a", amount=1))
    with Held(city.stores["sample"]) as held:
        lost = city.loop.submit(city.gateway.execute(Add(counter="a", amount=2), call()))
        eventually(lambda: held.queued == 1)
        lost.cancel()
        following = city.loop.submit(city.gateway.execute(Add(counter="a", amount=3), call()))
        eventually(lambda: held.queued == 2)
    with pytest.raises(CancelledError):
        lost.result(30)
    assert following.result(30).version == 4
    assert amounts(city) == [1, 2, 3]
    assert bus_of(city)._repository._locks == {}


def test_more_commands_than_the_queue_takes_are_refused_at_once(tmp_path: Path) -> None:
    with closing(open_city(tmp_path, settings=Settings(command_queue=2))) as city:
        do(city, OPEN, OpenCounter(counter="b", unit="130602"))
        with Held(city.stores["sample"]) as held:
            waiting = [
                city.loop.submit(city.gateway.execute(Add(counter=name, amount=1), call())) for name in ("a", "b")
            ]
            eventually(lambda: held.queued == 2)
            assert in_hand("Add") == 2
            with pytest.raises(Overloaded):
                do(city, Add(counter="a", amount=1))
            assert in_hand("Add") == 2
        assert [future.result(30).version for future in waiting] == [2, 2]
        do(city, Add(counter="a", amount=1))
        assert in_hand("Add") == 0


def in_hand(command: str) -> float | None:
    """What an operator sees of the commands that this process has taken and not answered."""
    labels = {"service": "sample", "command": command}
    return METRICS.registry.get_sample_value("bizenv_commands_in_hand", labels)


def test_a_full_disk_is_told_and_nothing_is_lost_when_it_is_freed(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        disk = FullDisk(city.stores["sample"].engine)
        disk.fill()
        big = OpenCounter(counter="a", unit="1" * 20_000)
        with pytest.raises(Unavailable, match="disk is full"):
            do(city, big)
        disk.free()
        (receipt,) = do(city, big)
        assert receipt.version == 1


def test_after_closing_nothing_is_taken(tmp_path: Path) -> None:
    with closing(open_city(tmp_path)) as city:
        do(city, OPEN)
        city.stores["sample"].close()
        with pytest.raises(Unavailable):
            do(city, Add(counter="a", amount=1))


# --- passing time -------------------------------------------------------------------------------------------------


def pass_day(city: Embedded, day: date) -> Receipt:
    return city.loop.run(bus_of(city).execute(PassDay(service="sample", day=day), call(system("sample"))))


def test_missed_days_are_made_up_in_order_and_none_twice(city: Embedded, other: Embedded) -> None:
    first = date(2017, 2, 20)
    assert pass_day(city, first).event_ids == ("calendar-sample/1",)
    assert pass_day(city, first).event_ids == ()
    assert len(pass_day(city, first + timedelta(days=5)).event_ids) == 5
    assert pass_day(other, first + timedelta(days=3)).event_ids == (), "an earlier day is behind us"
    assert len(pass_day(other, first + timedelta(days=6)).event_ids) == 1
    assert len(pass_day(city, first + timedelta(days=7)).event_ids) == 1
    days = [event.occurred_on for event in city.stores["sample"].read_stream("calendar-sample")]
    assert days == [first + timedelta(days=n) for n in range(8)]


def test_a_leap_of_the_clock_is_refused(city: Embedded) -> None:
    pass_day(city, date(2017, 2, 20))
    with pytest.raises(DomainError, match="CALENDAR_GAP_TOO_LONG"):
        pass_day(city, date(2117, 2, 20))
    assert len(pass_day(city, date(2027, 2, 20)).event_ids) == 3652, "ten years of rest are made up"


# --- many callers -------------------------------------------------------------------------------------------------


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), streams=st.integers(1, 6), processes=st.integers(1, 2))
def test_many_callers_on_few_streams_lose_and_double_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, streams: int, processes: int
) -> None:
    """64 callers, some of them repeating themselves: totals are right, versions without a gap."""
    chance = random.Random(seed)
    data = tmp_path_factory.mktemp("city")
    cities = [open_city(data, clock=SetClock(NOON)) for _ in range(processes)]
    names = [f"c{n}" for n in range(streams)]
    do(cities[0], *(OpenCounter(counter=name, unit="130602") for name in names))
    plan = [(chance.choice(names), chance.randint(1, 9), new_id()) for _ in range(64 * 3)]
    sent = plan + chance.sample(plan, 20)
    chance.shuffle(sent)

    async def caller(city: Embedded, mine: list[tuple[str, int, str]]) -> list[Receipt]:
        done = []
        for name, amount, command_id in mine:
            while True:
                try:
                    done.append(
                        await city.gateway.execute(Add(counter=name, amount=amount), call(command_id=command_id))
                    )
                    break
                except StaleVersion:
                    continue
        return done

    futures = [cities[n % processes].loop.submit(caller(cities[n % processes], sent[n::64])) for n in range(64)]
    receipts = [receipt for future in futures for receipt in future.result(60)]
    city = cities[0]
    for name in names:
        assert Counter(amounts(city, name)) == Counter(amount for mine, amount, _ in plan if mine == name)
        recorded = events(city, f"counter-{name}")
        assert [version for version, _ in recorded] == list(range(1, len(recorded) + 1))
    by_id: dict[str, set[tuple[str, ...]]] = {}
    for receipt in receipts:
        by_id.setdefault(receipt.command_id, set()).add(receipt.event_ids)
    assert all(len(answers) == 1 for answers in by_id.values()), "a repeat answers what the first one did"
    assert sum(not receipt.repeated for receipt in receipts) == len(plan)
    for opened in cities:
        assert bus_of(opened)._repository._locks == {}
        opened.close()
