"""A small service on the real chassis: counters of units, ledgers that a reaction writes, days that pass.

Everything a service can have, in its smallest form, so that the core can be tried without any domain of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import msgspec

from services.chassis.auth import Principal, Rights, Role, Scope
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command, Decider, EntityId, Event, Facts, Rule, require_not_in_future
from services.chassis.envelope import Envelope
from services.chassis.errors import NotFound
from services.chassis.event_store import StoreKind
from services.chassis.forms.embedded import Embedded, create_city
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.reactions.table import Reaction
from services.chassis.service import Aggregate, Asker, Query, QueryHandler, Service, whole_city
from services.chassis.settings import Settings
from services.chassis.time.clock import Clock, SetClock
from services.chassis.views.view import AppendedView, FoldedView, Reader, Received

DAY = date(2017, 3, 1)
NOON = datetime(2017, 3, 1, 4, tzinfo=UTC)
"""Twelve o'clock of `DAY` in Shanghai."""

LIMIT = 1_000_000
UNLUCKY = 13
"""An amount that the ledger refuses to note."""


# --- counter: opened, added to, renamed, handed to another unit ---------------------------------------------------


class OpenCounter(Command, frozen=True, kw_only=True):
    counter: EntityId
    unit: str
    occurred_on: date = DAY


class Add(Command, frozen=True, kw_only=True):
    counter: EntityId
    amount: int
    times: int = 1
    occurred_on: date = DAY


class Rename(Command, frozen=True, kw_only=True):
    counter: EntityId
    title: str
    occurred_on: date = DAY


class HandOver(Command, frozen=True, kw_only=True):
    counter: EntityId
    unit: str
    occurred_on: date = DAY


class CounterOpened(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.counter.opened.v1"
    unit: str


class CounterAdded(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.counter.added.v1"
    amount: int


class CounterRenamed(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.counter.renamed.v1"
    title: str


class CounterHandedOver(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.counter.handed_over.v1"
    unit: str


class Counter(msgspec.Struct, frozen=True):
    unit: str | None = None
    title: str = ""
    total: int = 0


NOT_OPEN = Rule("COUNTER_NOT_OPEN", "计数器尚未设立", "the counter is not open")
OPEN_ALREADY = Rule("COUNTER_OPEN", "计数器已经设立", "the counter is open already")
OVER_LIMIT = Rule("COUNTER_OVER_LIMIT", "合计不得超过 {limit}", "the total may not be over {limit}")


def open_counter(state: Counter, command: OpenCounter, facts: Facts) -> Sequence[Event]:
    if state.unit is not None:
        raise OPEN_ALREADY.broken("counter")
    require_not_in_future(command.occurred_on, facts)
    return [CounterOpened(occurred_on=command.occurred_on, unit=command.unit)]


def add(state: Counter, command: Add, facts: Facts) -> Sequence[Event]:
    if state.unit is None:
        raise NOT_OPEN.broken("counter")
    require_not_in_future(command.occurred_on, facts)
    if state.total + command.amount * command.times > LIMIT:
        raise OVER_LIMIT.broken("amount", limit=LIMIT)
    return [CounterAdded(occurred_on=command.occurred_on, amount=command.amount)] * command.times


def rename(state: Counter, command: Rename, facts: Facts) -> Sequence[Event]:
    if state.unit is None:
        raise NOT_OPEN.broken("counter")
    if state.title == command.title:
        return []
    return [CounterRenamed(occurred_on=command.occurred_on, title=command.title)]


def hand_over(state: Counter, command: HandOver, facts: Facts) -> Sequence[Event]:
    if state.unit is None:
        raise NOT_OPEN.broken("counter")
    return [] if state.unit == command.unit else [CounterHandedOver(occurred_on=DAY, unit=command.unit)]


COUNTER: Decider[Counter, Facts] = Decider(
    aggregate="counter",
    identity="counter",
    initial=Counter(),
    decisions={OpenCounter: open_counter, Add: add, Rename: rename, HandOver: hand_over},
    evolutions={
        CounterOpened: lambda state, event: Counter(event.unit),
        CounterAdded: lambda state, event: msgspec.structs.replace(state, total=state.total + event.amount),
        CounterRenamed: lambda state, event: msgspec.structs.replace(state, title=event.title),
        CounterHandedOver: lambda state, event: msgspec.structs.replace(state, unit=event.unit),
    },
)


def units_of(_reader: Reader, state: Counter, command: Command, _facts: Facts) -> tuple[str, ...]:
    """The counter's unit; a new one is its opener's."""
    unit = command.unit if isinstance(command, OpenCounter) else state.unit
    return () if unit is None else (unit,)


# --- ledger: every note counts, so that an effect that happens twice shows ----------------------------------------


class Note(Command, frozen=True, kw_only=True):
    ledger: str
    amount: int
    text: str = ""


class LedgerNoted(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.ledger.noted.v1"
    amount: int
    text: str = ""


UNLUCKY_AMOUNT = Rule("LEDGER_UNLUCKY", "{amount} 不吉利", "{amount} is unlucky")


def note(state: int, command: Note, facts: Facts) -> Sequence[Event]:
    if command.amount == UNLUCKY:
        raise UNLUCKY_AMOUNT.broken("amount", amount=command.amount)
    return [LedgerNoted(occurred_on=facts.today, amount=command.amount, text=command.text)]


LEDGER: Decider[int, Facts] = Decider(
    aggregate="ledger",
    identity="ledger",
    initial=0,
    decisions={Note: note},
    evolutions={LedgerNoted: lambda state, event: state + event.amount},
)


# --- views --------------------------------------------------------------------------------------------------------


class CounterRow(msgspec.Struct, frozen=True):
    """A counter as the facts say; `trail` makes any loss, repeat or change of order visible."""

    unit: str
    title: str = ""
    total: int = 0
    trail: tuple[int, ...] = ()


class Faults:
    """Titles that the view's handler cannot take (for now)."""

    def __init__(self) -> None:
        self.titles: set[str] = set()

    def check(self, title: str) -> None:
        if title in self.titles:
            raise ValueError(f"cannot take {title}")


def _opened(row: CounterRow | None, fact: Received) -> CounterRow:
    assert isinstance(fact.event, CounterOpened)
    return CounterRow(fact.event.unit, trail=(fact.envelope.version,))


def _added(row: CounterRow, fact: Received) -> CounterRow:
    assert isinstance(fact.event, CounterAdded)
    trail = (*row.trail, fact.envelope.version)
    return msgspec.structs.replace(row, total=row.total + fact.event.amount, trail=trail)


def _handed_over(row: CounterRow, fact: Received) -> CounterRow | None:
    """A counter handed to unit `none` is gone from the view."""
    assert isinstance(fact.event, CounterHandedOver)
    if fact.event.unit == "none":
        return None
    return msgspec.structs.replace(row, unit=fact.event.unit, trail=(*row.trail, fact.envelope.version))


def _of_counter(envelope: Envelope) -> str | None:
    return envelope.entity if envelope.stream.startswith(COUNTER.prefix) else None


def counters_view(faults: Faults, revision: int = 1) -> FoldedView:
    def _renamed(row: CounterRow, fact: Received) -> CounterRow:
        assert isinstance(fact.event, CounterRenamed)
        faults.check(fact.event.title)
        trail = (*row.trail, fact.envelope.version)
        return msgspec.structs.replace(row, title=fact.event.title, trail=trail)

    return FoldedView(
        name="counters",
        row=CounterRow,
        key=_of_counter,
        handlers={
            CounterOpened: _opened,
            CounterAdded: _added,
            CounterRenamed: _renamed,
            CounterHandedOver: _handed_over,
        },
        revision=revision,
    )


COUNTER_FACTS = AppendedView(name="counter_facts", key=_of_counter)


# --- reactions ----------------------------------------------------------------------------------------------------


def note_addition(received: Received, reader: Reader) -> Iterable[Command]:
    assert isinstance(received.event, CounterAdded)
    return [Note(ledger=received.envelope.entity, amount=received.event.amount)]


def note_day(received: Received, reader: Reader) -> Iterable[Command]:
    return [Note(ledger=f"day-{key}", amount=1) for key, _ in reader.rows("counters")]


REACTIONS = (
    Reaction("note_addition", CounterAdded, note_addition),
    Reaction("note_day", DayPassed, note_day),
)


# --- query --------------------------------------------------------------------------------------------------------


class FindCounter(Query, frozen=True, kw_only=True):
    counter: str


class FoundCounter(msgspec.Struct, frozen=True):
    total: int
    title: str


def find_counter(reader: Reader, query: FindCounter, asker: Asker) -> FoundCounter:
    row = reader.get("counters", query.counter)
    if row is None or asker.own_unit not in (None, row.unit):
        raise NotFound("没有这个计数器", "there is no such counter")
    return FoundCounter(row.total, row.title)


# --- the service, and a city that consists of it ------------------------------------------------------------------

EVENTS: tuple[type[Event], ...] = (CounterOpened, CounterAdded, CounterRenamed, CounterHandedOver, LedgerNoted)

CITY = Principal(account="wang", role=Role.CITY_GROUP)
LEADER = Principal(account="li", role=Role.LEADER)
STAFF = Principal(account="zhao", role=Role.UNIT_STAFF, unit="130602")
OTHER_STAFF = Principal(account="qian", role=Role.UNIT_STAFF, unit="130606")

_WRITERS = {Role.CITY_GROUP: Scope.ALL, Role.UNIT_STAFF: Scope.OWN}
RIGHTS = Rights(
    {
        **{command.__name__: _WRITERS for command in COUNTER.decisions},
        "FindCounter": {**_WRITERS, Role.LEADER: Scope.ALL},
    }
)


def sample_service(faults: Faults | None = None, revision: int = 1, name: str = "sample") -> Service:
    """The service; `faults` names titles that its view cannot take, `revision` is its folded view's."""
    return Service(
        name=name,
        title="样例",
        aggregates=(
            Aggregate(COUNTER, "counters", units_of),
            Aggregate(LEDGER, "ledgers", whole_city, internal=frozenset({Note})),
        ),
        events=EVENTS,
        views=(counters_view(faults or Faults(), revision), COUNTER_FACTS),
        listens_to=(name,),
        reactions=REACTIONS,
        queries=(QueryHandler(FindCounter, FoundCounter, find_counter, "/v1/counters/{counter}", "one counter"),),
        rights=RIGHTS,
        keeps_calendar=True,
    )


def open_city(
    data: Path,
    service: Service | None = None,
    *,
    clock: Clock | None = None,
    settings: Settings | None = None,
    durable: bool = False,
    ordered: bool = False,
) -> Embedded:
    """A city of the sample service in this folder, made when there is none. The caller closes it."""
    service = service or sample_service()
    if not (data / service.name).exists():
        create_city(data, [service], StoreKind.REHEARSAL, "sample-2017", created_at=NOON)
    clock, settings = clock or SetClock(NOON), settings or Settings()
    return Embedded(data, [service], settings, clock, durable=durable, ordered=ordered)


def call(
    principal: Principal = CITY,
    *,
    command_id: str | None = None,
    expected_version: int | None = None,
    seconds: float = 30.0,
) -> Call:
    """What comes with a command in a test."""
    return Call(
        principal=principal,
        deadline=Deadline.after(seconds),
        command_id=command_id,
        expected_version=expected_version,
    )


def new_id() -> str:
    return str(uuid4())


def do(city: Embedded, *commands: Command, principal: Principal = CITY) -> list[Receipt]:
    """Carry out commands one after another."""
    return [city.do(command, call(principal)) for command in commands]


def do_all(city: Embedded, commands: Iterable[tuple[Command, Call]]) -> list[Receipt | BaseException]:
    """Carry out commands at once, as many callers would; each one's receipt or error."""

    async def together() -> list[Receipt | BaseException]:
        calls = (city.gateway.execute(command, how) for command, how in commands)
        return await asyncio.gather(*calls, return_exceptions=True)

    return city.loop.run(together())
