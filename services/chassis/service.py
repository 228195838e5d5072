"""How a service says what it is made of. Composition as data; the runtime hosts it, the doors serve it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import msgspec

from services.chassis.auth import Principal, Rights
from services.chassis.domain import Command, Decider, Event, Facts
from services.chassis.hosting.passing_time import CALENDAR, PassDay
from services.chassis.reactions.table import Reaction
from services.chassis.registry import Upcast
from services.chassis.views.view import Reader, ViewSpec

FactsLookup = Callable[[Reader, Any, Command, Facts], Facts]
"""(reader of the service's reference tables, state, command, facts with `today` only) → the aggregate's Facts."""

ScopeOf = Callable[[Reader, Any, Command, Any], tuple[str, ...]]
"""(reader, state, command, the aggregate's Facts) → codes that the units which the command is about bear today; none:
it is about the whole city.

Who may write for one unit only must be of each of them. Codes are re-used and are what a principal has, so a unit
whose code another bears today must not be given by it.
"""


def whole_city(_reader: Reader, _state: Any, _command: Command, _facts: Facts) -> tuple[str, ...]:
    """The scope of what belongs to no unit."""
    return ()


@dataclass(frozen=True)
class Aggregate:
    """A decider with what it needs from outside: its facts and the units that a command is about.

    `collection` is the plural in HTTP paths and resource names (`projects`).
    """

    decider: Decider[Any, Any]
    collection: str
    scope: ScopeOf
    facts: FactsLookup | None = None
    internal: frozenset[type[Command]] = frozenset()
    """Commands that only the platform itself may send; no door offers them."""


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A question to a view. `token` makes the answer wait until the views have reached that position."""

    token: str | None = None


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks and when. `own_unit` is the code of the only unit that the asker may see (None: all);
    `today` and `now` are the clock's."""

    principal: Principal
    own_unit: str | None
    today: date
    now: datetime


@dataclass(frozen=True)
class QueryHandler:
    """`handle(reader, query, asker)` → a Struct of type `answer`; raises NotFound, Forbidden, InvalidRequest.

    `path` is its HTTP path with `{field}` placeholders; the query's other fields are parameters. It runs on a
    pool's thread and sees one generation of the views.
    """

    query: type[Query]
    answer: type[msgspec.Struct]
    handle: Callable[[Reader, Any, Asker], msgspec.Struct]
    path: str
    summary: str


@dataclass(frozen=True)
class Service:
    """One bounded context: its name is its folder, its topic and its database."""

    name: str
    title: str
    aggregates: tuple[Aggregate, ...] = ()
    events: tuple[type[Event], ...] = ()
    upcasts: Mapping[str, tuple[str, Upcast]] = field(default_factory=dict)
    views: tuple[ViewSpec, ...] = ()
    listens_to: tuple[str, ...] = ()
    """Names of the services whose topics feed its views and reactions."""
    reactions: tuple[Reaction, ...] = ()
    queries: tuple[QueryHandler, ...] = ()
    rights: Rights = field(default_factory=Rights.none)
    keeps_calendar: bool = False
    """Whether days pass for it: its reactions to `DayPassed` look up what falls due."""


def with_calendar(service: Service) -> Service:
    """The service with the calendar aggregate, where days pass for it."""
    if not service.keeps_calendar:
        return service
    calendar = Aggregate(CALENDAR, "calendars", whole_city, internal=frozenset({PassDay}))
    return replace(service, aggregates=(*service.aggregates, calendar))
