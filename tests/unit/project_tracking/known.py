"""Reference tables of project_tracking in memory: told facts, folded by the service's own views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, Table

from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.views.view import FoldedView, Received, StoredFact
from services.policy_registry.events import (
    Checklist,
    ChecklistItem,
    Origin,
    Parameter,
    ProgrammeAdopted,
    RuleSet,
    RuleSetPublished,
    UnitJoined,
    UnitKind,
    UnitLeft,
    UnitRecoded,
)
from services.project_tracking.reference import LAMPS_DUE, PROGRAMMES, UNITS

_VIEWS: tuple[FoldedView, ...] = (UNITS, PROGRAMMES, LAMPS_DUE)
REGISTRY, PROGRAMME = "unit_registry-city", "programme-city"


def received(stream: str, event: Event, version: int = 1, position: int = 1, came: date | None = None) -> Received:
    """The fact as a handler or a reaction gets it; it `came` on the clock's day, else early in 2017."""
    clock = came or date(2017, 1, 1)
    envelope = Envelope(
        service="somewhere",
        epoch=1,
        position=position,
        partition=0,
        stream=stream,
        version=version,
        type=event.type,
        occurred_on=event.occurred_on,
        recorded_at=datetime(clock.year, clock.month, clock.day, 4, tzinfo=UTC),
        actor="system:test",
        command_id=f"{stream}/{version}",
        command_hash=b"",
        correlation_id="",
        causation_id="",
        traceparent=None,
        data=b"{}",
    )
    return Received(envelope, event)


class KnownFacts:
    """A Reader over what it was told."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {view.name: {} for view in _VIEWS}
        self._versions: dict[str, int] = {}
        self._position = 0

    def told(self, stream: str, *events: Event, came: date | None = None) -> KnownFacts:
        for event in events:
            self._versions[stream] = version = self._versions.get(stream, 0) + 1
            self._position += 1
            self.take(received(stream, event, version, self._position, came))
        return self

    def take(self, fact: Received) -> None:
        for view in _VIEWS:
            self._fold(view, fact)

    def _fold(self, view: FoldedView, fact: Received) -> None:
        handler, key = view.handlers.get(type(fact.event)), view.key(fact.envelope)
        if handler is not None and key is not None:
            rows = self._rows[view.name]
            rows[key] = handler(rows.get(key), fact)

    def get(self, view: str, key: str) -> Any:
        return self._rows[view].get(key)

    def rows(self, view: str) -> Iterable[tuple[str, Any]]:
        return sorted(self._rows[view].items())

    def facts(self, view: str, key: str | None = None, recorded_before: int | None = None) -> Sequence[StoredFact]:
        raise NotImplementedError

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        raise NotImplementedError

    def table(self, view: str) -> Table:
        raise NotImplementedError


def joined(unit_id: str, code: str, name: str, on: date) -> UnitJoined:
    return UnitJoined(occurred_on=on, unit_id=unit_id, code=code, name=name, kind=UnitKind.DISTRICT, scored=True)


def left(unit_id: str, on: date) -> UnitLeft:
    return UnitLeft(occurred_on=on, unit_id=unit_id, reason="划出")


def recoded(unit_id: str, code: str, name: str, on: date) -> UnitRecoded:
    return UnitRecoded(occurred_on=on, unit_id=unit_id, code=code, name=name, kind=UnitKind.DISTRICT)


def issued(on: date) -> ProgrammeAdopted:
    """A programme that says nothing; its rule sets are published after it."""
    return ProgrammeAdopted(
        occurred_on=on,
        title="推进方案",
        city="某市",
        year=on.year,
        goals=("办好事",),
        campaigns=(),
        groups=(),
        measures=(),
        phases=(),
        duties=(),
    )


_NUMBERS = {
    "green_from": "0.95",
    "watch_from": "0.80",
    "yellow_from": "0.60",
    "milestone_yellow_days": "8",
    "milestone_red_days": "16",
    "yellow_months_to_red": "2",
    "lamp_day": "6",
}


def published(version: int, effective_on: date, id: str = "project", **numbers: str) -> RuleSetPublished:
    """A rule set of projects with one approval for each kind; `numbers` are other values than the usual."""
    items = (ChecklistItem(id="land", name="用地批准"),)
    rule_set = RuleSet(
        id=id,
        version=version,
        effective_on=effective_on,
        title="项目规则",
        parameters=tuple(
            Parameter(name=name, value=value, unit="x", origin=Origin.OURS, source="示例")
            for name, value in (_NUMBERS | numbers).items()
        ),
        checklists=tuple(
            Checklist(id=f"checklist.{kind}", title="审批清单", origin=Origin.OURS, source="示例", items=items)
            for kind in ("investment", "government")
        ),
    )
    return RuleSetPublished(occurred_on=effective_on, rule_set=rule_set)
