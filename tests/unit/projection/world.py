"""A city in a view database: Baoding's programme and register, and whatever facts a test records."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from services.chassis.auth import Principal, Role
from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.registry import EventRegistry
from services.chassis.service import Asker, Query
from services.chassis.sinks.sink import Batch, ViewSink
from services.chassis.time.clock import SHANGHAI
from services.chassis.views.database import ViewDatabase
from services.chassis.views.view import Received
from services.policy_registry.events import EVENTS
from services.policy_registry.programme.decider import PROGRAMME
from services.policy_registry.programme_files import load_programme
from services.policy_registry.unit_registry import UNIT_REGISTRY, RegistryFacts
from services.project_tracking.events import (
    PROJECT_EVENTS,
    BaselinePlan,
    MilestoneKind,
    PlannedMilestone,
    PlanPoint,
    ProjectBaselineSet,
    ProjectKind,
    ProjectLevel,
    ProjectProgressReported,
    ProjectRegistered,
    ProjectStarted,
)
from services.projection.service import QUERIES, SERVICE

BAODING = Path(__file__).parents[3] / "deploy" / "programmes" / "baoding-2017"
TODAY = date(2017, 9, 29)
LEADER = Principal(account="mayor", role=Role.LEADER)
CLERK = Principal(account="clerk", role=Role.UNIT_STAFF, unit="130602")
YI = 100_000_000
_HANDLERS = {handler.query: handler.handle for handler in QUERIES}
_FAR = RegistryFacts(today=date(2100, 1, 1))


class World:
    """Records facts as the store would and folds them as the consumer does."""

    def __init__(self, path: Path) -> None:
        self.registry = EventRegistry((*EVENTS, *PROJECT_EVENTS))
        self.views = ViewDatabase(path, SERVICE.views, self.registry, durable=False)
        self._sink = ViewSink("projection", self.views)
        self._versions: dict[str, int] = {}
        self._positions: dict[str, int] = {}
        self._waiting: list[Received] = []
        self.today = TODAY

    def fact(self, stream: str, event: Event, recorded: date | datetime | None = None) -> str:
        """Record a fact (at noon in Shanghai of the day given, else of its own day); returns its id."""
        service = "project_tracking" if stream.startswith("project-") else "policy_registry"
        version = self._versions[stream] = self._versions.get(stream, 0) + 1
        position = self._positions[service] = self._positions.get(service, 0) + 1
        envelope = Envelope(
            service=service,
            epoch=1,
            position=position,
            partition=0,
            stream=stream,
            version=version,
            type=event.type,
            occurred_on=event.occurred_on,
            recorded_at=_instant(recorded or event.occurred_on),
            actor="unit_staff:clerk",
            command_id=f"{stream}-{version}",
            command_hash=b"",
            correlation_id="",
            causation_id="",
            traceparent=None,
            data=self.registry.encode(event),
        )
        self._waiting.append(Received(envelope, event))
        return envelope.id

    def seen_first(self, stream: str) -> None:
        """Let the facts of this stream come before the others that wait: streams come in any order."""
        self._waiting.sort(key=lambda fact: fact.envelope.stream != stream)

    def folded(self) -> World:
        """Let the views see what was recorded."""
        self._sink.apply(Batch(self._waiting))
        self._waiting = []
        return self

    def with_programme(self) -> World:
        """Baoding's programme, rule sets and register, known since before everything else."""
        states: dict[str, Any] = {}
        for command in load_programme(BAODING):
            decider: Any = PROGRAMME if type(command) in PROGRAMME.decisions else UNIT_REGISTRY
            stream = decider.stream(command)
            state = states.get(stream, decider.initial)
            events = decider.decide(state, command, _FAR)
            states[stream] = decider.fold(events, state)
            for event in events:
                self.fact(stream, event, date(2017, 1, 1))
        return self

    def ask(self, query: Query, principal: Principal = LEADER) -> Any:
        own = principal.unit if principal.role in (Role.UNIT_HEAD, Role.UNIT_STAFF) else None
        now = datetime.combine(self.today, time(18), SHANGHAI).astimezone(UTC)
        asker = Asker(principal=principal, own_unit=own, today=self.today, now=now)
        return _HANDLERS[type(query)](self.views, query, asker)


def _instant(recorded: date | datetime) -> datetime:
    if isinstance(recorded, datetime):
        return recorded
    return datetime.combine(recorded, time(12), SHANGHAI).astimezone(UTC)


@contextmanager
def world(path: Path) -> Iterator[World]:
    found = World(path)
    try:
        yield found
    finally:
        found.views.close()


def registered(project_id: str, **told: Any) -> ProjectRegistered:
    plain = ProjectRegistered(
        occurred_on=date(2017, 1, 5),
        project_id=project_id,
        name=f"{project_id} 项目",
        kind=ProjectKind.INVESTMENT,
        level=ProjectLevel.CITY,
        unit_code="130602",
        unit_id="jingxiu",
        unit_registry_version=1,
        industry="装备制造",
        owner="某某公司",
        total_investment_yuan=4 * YI,
    )
    return msgspec.structs.replace(plain, **told)


def planned(**told: Any) -> BaselinePlan:
    """4 亿 over 2017, a quarter of it each; to start by 1 March and to be complete by 30 November."""
    plain = BaselinePlan(
        starts_on=date(2016, 12, 31),
        points=tuple(
            PlanPoint(by=day, invested_yuan=share * YI)
            for share, day in enumerate(
                (date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30), date(2017, 12, 31)), 1
            )
        ),
        milestones=(
            PlannedMilestone(milestone_id="start", text="开工", due=date(2017, 3, 1), kind=MilestoneKind.START),
            PlannedMilestone(milestone_id="roof", text="主体封顶", due=date(2017, 8, 31)),
            PlannedMilestone(milestone_id="done", text="竣工", due=date(2017, 11, 30), kind=MilestoneKind.COMPLETION),
        ),
    )
    return msgspec.structs.replace(plain, **told)


def running_project(city: World, project_id: str, *, months: int = 8, monthly: int = YI // 3, **told: Any) -> None:
    """A project that started on 1 March and reports the same investment each month by the third of the next."""
    stream = f"project-{project_id}"
    city.fact(stream, registered(project_id, **told))
    city.fact(stream, ProjectBaselineSet(occurred_on=date(2017, 1, 10), plan=planned()))
    city.fact(stream, ProjectStarted(occurred_on=date(2017, 3, 1), rule_version="project/1"))
    for month in range(3, months + 1):
        report = ProjectProgressReported(
            occurred_on=date(2017, month + 1, 3),
            month=f"2017-{month:02d}",
            physical_percent=Decimal(month * 10),
            invested_this_month_yuan=monthly * 3 if month == 3 else monthly,
        )
        city.fact(stream, report)
