"""programme.toml, campaigns.toml, measures.toml, phases.toml, duties.toml and rules/*.toml → AdoptProgramme."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from services.chassis.domain import EntityId, Name, Text
from services.policy_registry.events import (
    Campaign,
    Measure,
    MeasureGroup,
    Phase,
    RecurringDuty,
    RuleSet,
)
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.programme_files.orders import Order
from services.policy_registry.programme_files.reading import ProgrammeFileError, read_toml, shaped, tables_of

PROJECT_RULES = "project"
"""The rule set without which no project of the city could start."""

NOT_NAMED = "未明确"
"""What a measure's `departments` says when the programme names nobody for it."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """programme.toml"""

    id: EntityId
    registry_id: EntityId
    title: Name
    city: Name
    year: int
    issued_on: date
    goals: tuple[Text, ...]
    english: Name | None = None
    inferred: bool = False
    basis: Text | None = None


class CampaignsFile(msgspec.Struct, frozen=True, kw_only=True):
    campaigns: tuple[Campaign, ...]


class MeasuresFile(msgspec.Struct, frozen=True, kw_only=True):
    groups: tuple[MeasureGroup, ...]
    measures: tuple[Measure, ...]


class PhasesFile(msgspec.Struct, frozen=True, kw_only=True):
    phases: tuple[Phase, ...]


class DutiesFile(msgspec.Struct, frozen=True, kw_only=True):
    duties: tuple[RecurringDuty, ...]


def read_head(folder: Path) -> Head:
    """programme.toml; raises ProgrammeFileError."""
    return shaped("programme.toml", read_toml(folder, "programme.toml"), Head)


def programme_order(folder: Path, head: Head) -> Order:
    """The adoption with all that the programme's files say; raises ProgrammeFileError."""
    measures = _measures(folder)
    command = AdoptProgramme(
        programme_id=head.id,
        issued_on=head.issued_on,
        title=head.title,
        city=head.city,
        year=head.year,
        goals=head.goals,
        campaigns=_read(folder, "campaigns.toml", CampaignsFile).campaigns,
        groups=measures.groups,
        measures=measures.measures,
        phases=_read(folder, "phases.toml", PhasesFile).phases,
        duties=_read(folder, "duties.toml", DutiesFile).duties,
        rule_sets=_rule_sets(folder),
        english=head.english,
        inferred=head.inferred,
        basis=head.basis,
    )
    return Order(command, head.issued_on, "programme.toml", head.id)


def _read(folder: Path, file: str, type_: type[Any]) -> Any:
    return shaped(file, read_toml(folder, file), type_)


def _measures(folder: Path) -> MeasuresFile:
    raw = read_toml(folder, "measures.toml")
    measures = [_with_departments(entry) for entry in tables_of("measures.toml", raw, "measures")]
    return shaped("measures.toml", {**raw, "measures": measures}, MeasuresFile)


def _with_departments(entry: dict[str, Any]) -> dict[str, Any]:
    """Nobody is left out by forgetting: a measure names its departments or says 未明确."""
    if "departments" not in entry:
        key = f"measures[{entry.get('id', '?')}].departments"
        chinese = f"必须写明部门;原文没有点名的写“{NOT_NAMED}”"
        raise ProgrammeFileError("measures.toml", key, chinese, f"name the departments, or write {NOT_NAMED}")
    return {**entry, "departments": []} if entry["departments"] == NOT_NAMED else entry


def _rule_sets(folder: Path) -> tuple[RuleSet, ...]:
    """All files under rules/, by rule set and version whatever the files are called; projects need theirs."""
    files = sorted(path.relative_to(folder).as_posix() for path in (folder / "rules").glob("*.toml"))
    found = [shaped(file, read_toml(folder, file), RuleSet) for file in files]
    if PROJECT_RULES not in {rule_set.id for rule_set in found}:
        chinese = f"缺少规则集 {PROJECT_RULES}(项目亮灯与报批);没有它任何项目都不能开工"
        english = f"the rule set {PROJECT_RULES} is missing; without it no project can start"
        raise ProgrammeFileError("rules/", PROJECT_RULES, chinese, english)
    return tuple(sorted(found, key=lambda rule_set: (rule_set.id, rule_set.version)))
