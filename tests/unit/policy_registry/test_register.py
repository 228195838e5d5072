"""What must hold of the register whatever is ordered, and in whatever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

import msgspec
from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from services.chassis.domain import Command, DomainError, Event
from services.policy_registry.events import (
    PostEstablished,
    PostMadeResponsible,
    PostRelieved,
    ProgrammeAdopted,
    UnitKind,
    UnitLeft,
    UnitRecoded,
    UnitRegister,
    last_with_code,
    members_on,
    register_after,
    responsible_on,
    scored_on,
    unit,
    unit_with_code,
)
from services.policy_registry.unit_registry import (
    UNIT_REGISTRY,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)
from tests.unit.policy_registry.samples import FACTS, joined

unhurried = settings(deadline=None)
"""A busy machine is no counter-example."""

DAYS = [date(2015, 1, 1) + timedelta(days=n) for n in range(12)]
days, units, codes = st.sampled_from(DAYS), st.sampled_from("abc"), st.sampled_from(["130601", "130602"])
reasons = st.one_of(st.none(), st.just("查到批文"))
corrected = st.one_of(st.none(), days)

joins = st.builds(
    JoinUnit,
    registry_id=st.just("city"),
    occurred_on=days,
    unit_id=units,
    code=codes,
    name=st.just("某区"),
    kind=st.just(UnitKind.DISTRICT),
    scored=st.booleans(),
    correction_reason=reasons,
    corrects_on=corrected,
)
leaves = st.builds(
    LeaveUnit,
    registry_id=st.just("city"),
    occurred_on=days,
    unit_id=units,
    reason=st.just("撤销"),
    correction_reason=reasons,
    corrects_on=corrected,
)
recodes = st.builds(
    RecodeUnit,
    registry_id=st.just("city"),
    occurred_on=days,
    unit_id=units,
    code=codes,
    correction_reason=reasons,
    corrects_on=corrected,
)
establishes = st.builds(
    EstablishPost,
    registry_id=st.just("city"),
    occurred_on=days,
    post_id=st.just("head"),
    unit_id=units,
    title=st.just("区长"),
)
charges = st.builds(
    MakeResponsible,
    registry_id=st.just("city"),
    occurred_on=days,
    post_id=st.just("head"),
    subject=st.just("measure:m16"),
    correction_reason=reasons,
    corrects_on=corrected,
)
reliefs = st.builds(
    RelievePost,
    registry_id=st.just("city"),
    occurred_on=days,
    post_id=st.just("head"),
    subject=st.just("measure:m16"),
)
orders = st.lists(st.one_of(joins, joins, leaves, recodes, establishes, charges, reliefs), max_size=25)


def recorded(commands: Sequence[Command]) -> tuple[list[Event], UnitRegister]:
    """What is recorded of these orders when the refused ones are left out, and the register kept along the way."""
    events: list[Event] = []
    register = UnitRegister()
    for command in commands:
        try:
            decided = UNIT_REGISTRY.decide(register, command, FACTS)
        except DomainError:
            continue
        for event in decided:
            register = register_after(register, event)
        events.extend(decided)
    return events, register


@unhurried
@forall(orders)
def test_no_code_belongs_to_two_units_on_any_day(commands: list[Command]) -> None:
    _, register = recorded(commands)
    for day in DAYS:
        held = Counter(span.code for span in members_on(register, day))
        assert all(times == 1 for times in held.values()), (day, held)
        for span in members_on(register, day):
            assert unit_with_code(register, span.code, day) == last_with_code(register, span.code, day) == span


@unhurried
@forall(orders)
def test_a_code_that_nobody_bears_now_is_of_the_unit_that_bore_it_last(commands: list[Command]) -> None:
    _, register = recorded(commands)
    for code in ("130601", "130602"):
        last = None
        for day in DAYS:
            last = unit_with_code(register, code, day) or last
            found = last_with_code(register, code, day)
            assert (found and found.unit_id) == (last and last.unit_id), (code, day)


@unhurried
@forall(orders)
def test_a_replay_gives_the_register_that_was_kept_along_the_way(commands: list[Command]) -> None:
    events, register = recorded(commands)
    assert UNIT_REGISTRY.fold(events) == register


@unhurried
@forall(orders)
def test_the_register_turns_into_json_and_back(commands: list[Command]) -> None:
    _, register = recorded(commands)
    assert msgspec.json.decode(msgspec.json.encode(register), type=UnitRegister) == register


@unhurried
@forall(orders)
def test_an_order_given_again_at_once_records_nothing(commands: list[Command]) -> None:
    register = UnitRegister()
    for command in commands:
        try:
            register = UNIT_REGISTRY.fold(UNIT_REGISTRY.decide(register, command, FACTS), register)
        except DomainError:
            continue
        if getattr(command, "correction_reason", None) is None:
            assert list(UNIT_REGISTRY.decide(register, command, FACTS)) == []


@unhurried
@forall(orders)
def test_spans_of_a_unit_never_overlap_and_never_are_empty(commands: list[Command]) -> None:
    _, register = recorded(commands)
    for record in register.units.values():
        ends = [date.min]
        for span in record.spans:
            assert span.valid_from >= ends[-1]
            assert span.valid_to is None or span.valid_to > span.valid_from
            ends.append(span.valid_to or date.max)


@unhurried
@forall(orders, st.randoms(use_true_random=False))
def test_the_fold_takes_any_facts_in_any_order(commands: list[Command], chance: Random) -> None:
    events, _ = recorded(commands)
    chance.shuffle(events)
    register = UNIT_REGISTRY.fold(events)
    for day in DAYS:
        members_on(register, day)
        responsible_on(register, "measure:m16", day)


def test_what_is_not_known_changes_nothing() -> None:
    day = DAYS[0]
    foreign = ProgrammeAdopted(
        occurred_on=day,
        title="t",
        city="c",
        year=2017,
        goals=(),
        campaigns=(),
        groups=(),
        measures=(),
        phases=(),
        duties=(),
    )
    unknown = (
        UnitLeft(occurred_on=day, unit_id="nobody", reason="?"),
        UnitRecoded(occurred_on=day, unit_id="nobody", code="130602", name="?", kind=UnitKind.CITY),
        PostMadeResponsible(occurred_on=day, post_id="nobody", subject="measure:m16"),
        PostRelieved(occurred_on=day, post_id="nobody", subject="measure:m16"),
        foreign,
    )
    register = UnitRegister()
    for event in unknown:
        assert register_after(register, event) == register


def test_members_are_asked_by_kind_and_scored_ones_apart() -> None:
    events = [
        joined("b", "130602"),
        joined("a", "130601", kind=UnitKind.COUNTY, scored=False),
        joined("z", "zu", kind=UnitKind.OFFICE, scored=False),
        PostEstablished(occurred_on=date(2014, 1, 1), post_id="head", unit_id="b", title="区长"),
    ]
    register = UNIT_REGISTRY.fold(events)
    day = date(2017, 1, 1)
    assert [span.unit_id for span in members_on(register, day)] == ["a", "b", "z"]
    assert [span.unit_id for span in members_on(register, day, UnitKind.COUNTY, UnitKind.OFFICE)] == ["a", "z"]
    assert [span.unit_id for span in scored_on(register, day)] == ["b"]
    assert unit(register, "nobody") is None
