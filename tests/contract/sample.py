"""A small service with every kind of field that contracts know, for the tests of the doors and the contracts."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from services.chassis.domain import Command, Decider, EntityId, Event, Facts, Name, Rule, Text, Yuan
from services.chassis.service import Aggregate, Asker, Query, QueryHandler, Service, whole_city
from services.chassis.views.view import Reader


class Kind(enum.Enum):
    """What a work is built for."""

    ROAD = "road"
    WATER_WORKS = "water_works"


class Quarter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is to be reached by a day."""

    by: date
    amount_yuan: Yuan
    share: Decimal | None = None
    note: Text | None = None


class RegisterWork(Command, frozen=True, kw_only=True):
    """Register a work with its plan."""

    work_id: EntityId
    name: Name
    kind: Kind
    unit: EntityId
    investment_yuan: Yuan
    area_mu: Decimal | None = None
    urgent: bool = False
    seen_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    digest: bytes | None = None
    plan: tuple[Quarter, ...] = ()
    tags: tuple[Name, ...] = ()
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    occurred_on: date


class SignWork(Command, frozen=True, kw_only=True):
    """Record that the contract of a work was signed."""

    work_id: EntityId
    occurred_on: date
    contract_no: Name | None = None


class JoinTeam(Command, frozen=True, kw_only=True):
    """A team joins a work."""

    work_id: EntityId
    team: Name
    occurred_on: date


class ExpireWork(Command, frozen=True, kw_only=True):
    """Only passing time sends this."""

    work_id: EntityId
    occurred_on: date


class WorkRegistered(Event, frozen=True, kw_only=True):
    """A work was registered."""

    type = "bizenv.work.registered.v1"
    name: str
    kind: Kind
    unit: str
    investment_yuan: int
    area_mu: Decimal | None = None
    plan: tuple[Quarter, ...] = ()


class WorkSigned(Event, frozen=True, kw_only=True):
    """The contract of a work was signed."""

    type = "bizenv.work.signed.v1"
    contract_no: str | None = None


NOT_REGISTERED = Rule("WORK_NOT_REGISTERED", "工程尚未登记", "the work is not registered")


def register(state: int, command: RegisterWork, facts: Facts) -> Sequence[Event]:
    return [
        WorkRegistered(
            occurred_on=command.occurred_on,
            name=command.name,
            kind=command.kind,
            unit=command.unit,
            investment_yuan=command.investment_yuan,
            area_mu=command.area_mu,
            plan=command.plan,
        )
    ]


def sign(state: int, command: SignWork, facts: Facts) -> Sequence[Event]:
    if not state:
        raise NOT_REGISTERED.broken("work_id")
    return [WorkSigned(occurred_on=command.occurred_on, contract_no=command.contract_no)]


def nothing(state: int, command: Command, facts: Facts) -> Sequence[Event]:
    return []


WORK: Decider[int, Facts] = Decider(
    aggregate="work",
    identity="work_id",
    initial=0,
    decisions={RegisterWork: register, SignWork: sign, JoinTeam: nothing, ExpireWork: nothing},
    evolutions={WorkRegistered: lambda state, event: state + 1, WorkSigned: lambda state, event: state + 1},
)


class ListWorks(Query, frozen=True, kw_only=True):
    """Which works are there?"""

    kind: Kind | None = None
    units: tuple[Name, ...] = ()
    urgent: bool | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class GetWork(Query, frozen=True, kw_only=True):
    """One work as it stands."""

    work_id: EntityId


class WorkRow(msgspec.Struct, frozen=True, kw_only=True):
    """A work in a list."""

    work_id: str
    name: str
    kind: Kind
    investment_yuan: int | None = None


class WorkPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of works."""

    works: tuple[WorkRow, ...]
    total: int
    totals: dict[str, int] = msgspec.field(default_factory=dict)


def list_works(reader: Reader, query: Any, asker: Asker) -> msgspec.Struct:
    return WorkPage(works=(), total=0)


SERVICE = Service(
    name="sample_works",
    title="示例工程",
    aggregates=(
        Aggregate(
            decider=WORK,
            collection="works",
            scope=whole_city,
            internal=frozenset({ExpireWork}),
        ),
    ),
    events=(WorkRegistered, WorkSigned),
    queries=(
        QueryHandler(ListWorks, WorkPage, list_works, "/v1/works", "Which works are there?"),
        QueryHandler(GetWork, WorkRow, list_works, "/v1/works/{work_id}", "One work as it stands."),
    ),
)
