"""The clock of one of two processes that record jumps forward and back: between commands, and in the middle of
commands, relaying and the passing of days. Nothing is lost, nothing is there twice, no day passes twice, and the
process loses no lease by it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.chassis.leases import LEASE_SECONDS
from services.chassis.time.clock import business_day
from services.chassis.time.instants import instant_of
from tests import lives
from tests.clients import Door, GrpcClient, HttpClient
from tests.e2e.callers import Callers, calling
from tests.e2e.forms import Cities, City, Fleet
from tests.faults.check import Told
from tests.faults.distributed.check import check_facts, check_flow, check_heads, left
from tests.faults.distributed.jumping import jump
from tests.waiting import eventually

SECONDS = 120.0
"""For anything, on a machine that has much else to do."""
HOUR = 3600.0
DAY = 24 * HOUR
BETWEEN = (2 * DAY, -3 * DAY, 40 * DAY, -2 * HOUR, 41 * DAY)
"""By so much the clock is off, from one command to the next."""
AMID = (0.0, 75 * DAY, -5 * DAY, HOUR, -DAY)
"""By so much, from one reading to the next. A command reads it twice, and so does each look at the day before one."""
SETTINGS = {"tree_head_seconds": "0.2", "consumer_batch": "40"}
CALENDAR = "calendar-project_tracking"


class Jumping:
    """A served city. `jumping` and `straight` are processes of one service; the leases are the former's."""

    def __init__(self, processes: Fleet, clock: Path, access: str) -> None:
        self.processes = processes
        self.clock = clock
        self.access = access
        self.recorded: set[str] = set()
        """The ids of the commands of which callers were told that they recorded something."""

    @property
    def city(self) -> City:
        return self.processes.city

    def doors(self) -> list[Callable[[], Door]]:
        """Two to the process with the clock that jumps, two to the other one; each two report on one project."""
        jumping, straight = (self.processes.grpc(name) for name in ("jumping", "straight"))
        return [*[lambda: GrpcClient(jumping, self.access)] * 2, *[lambda: GrpcClient(straight, self.access)] * 2]

    def leases(self) -> dict[str, tuple[str, int]]:
        """By name, who holds it, and how often it has changed hands."""
        with self.city.database() as database:
            rows = database.execute("SELECT name, owner, owner_epoch FROM project_tracking.leases").fetchall()
        return {name: (owner, owner_epoch) for name, owner, owner_epoch in rows}

    def last_until(self) -> int:
        """Until when the lease lasts that ends first (microseconds by the database's clock)."""
        with self.city.database() as database:
            row = database.execute("SELECT min(ends_at) FROM project_tracking.leases").fetchone()
        assert row is not None
        return int(row[0])

    def days(self) -> list[date]:
        """The days that have passed, as they were recorded."""
        query = "SELECT occurred_on FROM project_tracking.events WHERE stream = %s ORDER BY version"
        with self.city.database() as database:
            return [date.fromisoformat(day) for (day,) in database.execute(query, (CALENDAR,)).fetchall()]

    def lamps(self) -> Counter[tuple[str, str]]:
        """How often each project was given the lamp of each month, which follows from days that pass."""
        query = """
            SELECT stream, convert_from(data, 'UTF8')::json->>'month' FROM project_tracking.events
            WHERE type = 'bizenv.project.lamp_recorded.v1'
        """
        with self.city.database() as database:
            return Counter((stream, month) for stream, month in database.execute(query).fetchall())

    def recorded_at(self, event_id: str) -> datetime:
        stream, _, version = event_id.rpartition("/")
        query = "SELECT recorded_at FROM project_tracking.events WHERE stream = %s AND version = %s"
        with self.city.database() as database:
            row = database.execute(query, (stream, int(version))).fetchone()
        assert row is not None
        return instant_of(row[0])

    def missing(self) -> list[str]:
        """The commands of callers that are in the feed twice, or there alone, or only in the answers."""
        with HttpClient(self.processes.front.http, self.access) as client:
            events = list(client.events("project_tracking"))
        found = Counter(event["commandid"] for event in events if not event["actor"].startswith("system:"))
        return sorted(each for each in found.keys() | self.recorded if found[each] != (each in self.recorded))


def then(seconds: float) -> datetime:
    """What a clock reads that is so far off."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def day_before(seconds: float) -> date:
    return business_day(then(seconds)) - timedelta(days=1)


@pytest.fixture(scope="module")
def jumping(
    cities: Cities, empty_city: Path, access: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Jumping]:
    folder = tmp_path_factory.mktemp("jumping")
    found = Jumping(Fleet(cities.copy(empty_city, folder / "var")), folder / "clock", access)
    jump(found.clock, 0.0)
    program = (sys.executable, "-m", "tests.faults.distributed.serve", str(found.clock))
    found.processes.plan("policy_registry", "policy_registry")
    found.processes.plan("jumping", "project_tracking", program=program)
    found.processes.plan("straight", "project_tracking")
    found.processes.plan("projection", "projection")
    try:
        for name in ("policy_registry", "jumping", "projection"):
            found.processes.begin(name, **SETTINGS)
        for server in found.processes.servers.values():
            server.ready(SECONDS)
        eventually(lambda: len(found.leases()) == 2, SECONDS, "the leases of relay and log")
        found.processes.begin("straight", **SETTINGS).ready(SECONDS)
        yield found
    finally:
        found.processes.kill()


def test_a_clock_that_jumps_between_commands(jumping: Jumping) -> None:
    """Processes with another clock show at once what is recorded by it, and go on where it stopped."""
    leases, processes = jumping.leases(), jumping.processes
    with (
        GrpcClient(processes.grpc("jumping"), jumping.access) as writer,
        GrpcClient(processes.grpc("straight"), jumping.access) as other,
        HttpClient(processes.front.http, jumping.access) as reader,
    ):
        jumping.recorded.add(writer.do(lives.registration("between")).command_id)
        for turn, seconds in enumerate(BETWEEN):
            jump(jumping.clock, seconds)
            receipt, next_receipt = (
                door.do(lives.weekly("between", 2 * turn + more)) for more, door in enumerate((writer, other))
            )
            jumping.recorded |= {receipt.command_id, next_receipt.command_id}
            assert abs(jumping.recorded_at(receipt.event_ids[0]) - then(seconds)) < timedelta(hours=1)
            line = reader.ask("GetProject", project_id="between", token=next_receipt.token)["line"]
            assert int(line["version"]) >= next_receipt.version
            eventually(lambda to=seconds: jumping.days()[-1] >= day_before(to), SECONDS, "the days up to there")  # type: ignore[misc]
    eventually(lambda: jumping.lamps(), SECONDS, "a lamp, of a month that passed at one jump")
    assert jumping.leases() == leases


def test_a_clock_that_jumps_in_the_middle_of_commands_relaying_and_the_passing_of_days(jumping: Jumping) -> None:
    leases, until = jumping.leases(), jumping.last_until()
    renewed = until + int(LEASE_SECONDS * 1_000_000)
    with calling(jumping.doors()) as callers:
        jump(jumping.clock, *AMID)
        callers.more(300)
        eventually(lambda: jumping.days()[-1] >= day_before(max(AMID)), SECONDS, "the days up to the farthest jump")
        eventually(lambda: jumping.last_until() > renewed, SECONDS, "leases that outlive their holders' time")
        jump(jumping.clock, 0.0)
        callers.more(40)
    assert not callers.refusals
    assert jumping.leases() == leases
    _keep(jumping, callers)


def _keep(jumping: Jumping, callers: Callers) -> None:
    jumping.recorded |= {each for each, receipt in callers.acknowledged.items() if receipt.event_ids}
    with HttpClient(jumping.processes.front.http, jumping.access) as client:
        assert not callers.missing_in(client.events("project_tracking"))


def test_after_all_that_nothing_is_missing_and_no_day_has_passed_twice(jumping: Jumping) -> None:
    eventually(lambda: not left(jumping.city), SECONDS, "everything in its place")
    assert jumping.missing() == []
    days = jumping.days()
    assert days == [days[0] + timedelta(days=number) for number in range(len(days))]
    assert set(jumping.lamps().values()) == {1}
    assert jumping.processes.stop() == [0] * 4, jumping.processes.log()
    assert jumping.processes.complaints() == [], jumping.processes.log()
    assert [*check_facts(jumping.city, Told()), *check_flow(jumping.city), *check_heads(jumping.city)] == []
