"""A store has one unit registry: an order to another is refused, and of two begun at once the first is the city's."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import given as forall
from hypothesis import strategies as st

from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.views.view import Received
from services.policy_registry.events import CityRegister, RegistryFactPlace, city_register_after
from services.policy_registry.reference import REGISTRY, THE_CITY, KnownRegistry
from services.policy_registry.unit_registry import UNIT_REGISTRY, LeaveUnit, RegistryFacts
from tests.unit.given import given
from tests.unit.policy_registry.samples import TODAY, join, joined

FACTS = RegistryFacts(today=TODAY, registry_id="baoding")

FIRST = [
    (RegistryFactPlace("baoding", 3, 1), joined("east", "130602")),
    (RegistryFactPlace("baoding", 7, 2), joined("west", "130603")),
]
SECOND = [
    (RegistryFactPlace("other", 4, 1), joined("north", "130602")),
    (RegistryFactPlace("other", 5, 2), joined("south", "130604")),
]


def test_an_order_to_another_register_is_refused_and_told_the_right_one() -> None:
    error = given(UNIT_REGISTRY).when(join(), FACTS).raises("UNIT_REGISTRY_OTHER", field="registry_id")
    assert "baoding" in error.message
    leave = LeaveUnit(registry_id="city", occurred_on=date(2017, 4, 1), unit_id="east", reason="划出")
    given(UNIT_REGISTRY, joined()).when(leave, FACTS).raises("UNIT_REGISTRY_OTHER", field="registry_id")


def test_an_order_to_the_citys_register_or_to_the_first_one_is_taken() -> None:
    for known in ("city", None):
        given(UNIT_REGISTRY).when(join(), RegistryFacts(today=TODAY, registry_id=known)).then(joined())


def folded(facts: list[tuple[RegistryFactPlace, Event]]) -> CityRegister | None:
    known: CityRegister | None = None
    for place, event in facts:
        known = city_register_after(known, place, event)
    return known


@st.composite
def interleavings(draw: st.DrawFn) -> list[tuple[RegistryFactPlace, Event]]:
    """The facts of both registers, each register's in their order."""
    waiting: list[list[tuple[RegistryFactPlace, Event]]] = [list(FIRST), list(SECOND)]
    come: list[tuple[RegistryFactPlace, Event]] = []
    while any(waiting):
        come.append(draw(st.sampled_from([each for each in waiting if each])).pop(0))
    return come


@forall(interleavings())
def test_whatever_comes_first_the_register_begun_first_is_the_citys(facts: list[Any]) -> None:
    found = folded(facts)
    assert found is not None
    assert (found.registry_id, found.since, found.version) == ("baoding", 3, 2)
    assert set(found.register.units) == {"east", "west"}
    row = None
    for place, event in facts:
        row = REGISTRY.handlers[type(event)](row, received(place, event))
    assert row == KnownRegistry(registry_id="baoding", since=3)


def received(place: RegistryFactPlace, event: Event) -> Received:
    envelope = Envelope(
        service="policy_registry",
        epoch=1,
        position=place.position,
        partition=0,
        stream=f"unit_registry-{place.registry_id}",
        version=place.version,
        type=event.type,
        occurred_on=event.occurred_on,
        recorded_at=datetime(2017, 1, 1, tzinfo=UTC),
        actor="city_group:wang",
        command_id="",
        command_hash=b"",
        correlation_id="",
        causation_id="",
        traceparent=None,
        data=b"{}",
    )
    assert REGISTRY.key(envelope) == THE_CITY
    return Received(envelope, event)
