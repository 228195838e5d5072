"""What the bench is fed with: whole lives, and a history that goes on while what is known stays as large as it is."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from services.chassis.domain import Event
from services.chassis.registry import EventRegistry
from services.project_tracking.events import PROJECT_EVENTS, record_of
from tests.bench.growth import SIZES
from tests.bench.history import PROJECTS
from tests.bench.material import Fact, long_history, project_facts, whole_lives
from tests.bench.project_life import facts

REGISTRY = EventRegistry(PROJECT_EVENTS)


def _events(of: list[Fact], stream: str) -> list[Event]:
    return [REGISTRY.decode(fact.new.type, fact.new.data) for fact in of if fact.stream == stream]


def test_lives_side_by_side_are_whole_and_each_stream_is_without_a_gap() -> None:
    count = len(facts()) * 3
    told = list(project_facts(count, whole_lives(count)))
    assert Counter(fact.stream for fact in told) == {f"project-p-0-{number}": len(facts()) for number in range(3)}
    assert [fact.version for fact in told if fact.stream == "project-p-0-1"] == list(range(1, len(facts()) + 1))


def test_a_long_history_goes_on_without_telling_more_of_a_project() -> None:
    told = list(islice(long_history(2), 2 * 4 * len(facts())))
    versions = [fact.version for fact in told if fact.stream == "project-p-1"]
    assert versions == list(range(1, 4 * len(facts()) + 1))
    events = _events(told, "project-p-1")
    assert record_of(events) == record_of(events[: len(facts())])


def test_in_the_shortest_history_every_project_has_told_everything_once() -> None:
    assert SIZES[0] >= PROJECTS * len(facts())
