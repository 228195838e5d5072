"""Registering a project 登记."""

from __future__ import annotations

from decimal import Decimal

from services.chassis.domain import Event
from services.project_tracking.events.fold import Known, evolve
from services.project_tracking.events.project import ProjectRegistered
from services.project_tracking.project.admission import (
    admitted,
    in_order,
    require_date,
    require_not_too_early,
    valid_unit,
)
from services.project_tracking.project.commands import RegisterProject
from services.project_tracking.project.facts import ProjectFacts
from services.project_tracking.project.horizon import latest_planned
from services.project_tracking.project.numbers import at_most_decimals
from services.project_tracking.project.plan_bounds import require_plan_ends
from services.project_tracking.project.progress_checks import require_within_total
from services.project_tracking.project.rules import (
    AREA_NOT_VALID,
    FACT_WORDS,
    NOTHING_TO_CORRECT,
    PLANNED_DATES_CROSSED,
    PLANNED_TOO_FAR,
    USCC_CHECK_FAILED,
)
from services.project_tracking.project.uscc import check_character

_LARGEST_AREA = Decimal(1_000_000)


def register(record: Known, command: RegisterProject, facts: ProjectFacts) -> list[Event]:
    """登记, or the correction of a registration; the unit must be valid on the day of the registration."""
    unit_id, registry_version = _unit(record, command, facts)
    event = _registered(command, unit_id, registry_version)
    if record is None:
        _require_first(command, facts)
    elif not admitted(record, command, facts, event, known=True):
        return []
    _require_content(command)
    if record is not None:
        require_plan_ends(record, command.planned_completion, facts.today)
    lowered = record is not None and command.total_investment_yuan < record.total_investment_yuan
    field = "total_investment_yuan" if lowered else "invested_before_yuan"
    require_within_total(record, evolve(record, event), field)
    return in_order(record, event)


def _unit(record: Known, command: RegisterProject, facts: ProjectFacts) -> tuple[str, int]:
    """The unit's id and registry version; of the same unit and day those that are recorded."""
    if record and (record.unit_code, record.registered_on) == (command.unit_code, command.occurred_on):
        return record.unit_id, record.unit_registry_version
    unit = valid_unit(command.unit_code, command.occurred_on, facts)
    return unit.unit_id, unit.registry_version


def _require_first(command: RegisterProject, facts: ProjectFacts) -> None:
    require_date(command.occurred_on, facts)
    if command.correction_reason is not None:
        words, english = FACT_WORDS[ProjectRegistered]
        raise NOTHING_TO_CORRECT.broken("correction_reason", fact=words, fact_en=english)


def _require_content(command: RegisterProject) -> None:
    _require_planned_days(command)
    area = command.area_mu
    if area is not None and not (at_most_decimals(area, 4) and 0 < area <= _LARGEST_AREA):
        raise AREA_NOT_VALID.broken("area_mu")
    _require_uscc(command)


def _require_planned_days(command: RegisterProject) -> None:
    start, completion = command.planned_start, command.planned_completion
    if start is not None and completion is not None and completion < start:
        raise PLANNED_DATES_CROSSED.broken(
            "planned_completion", start=start.isoformat(), completion=completion.isoformat()
        )
    latest = latest_planned(command.occurred_on)
    for field, day in (("planned_start", start), ("planned_completion", completion)):
        if day is not None:
            require_not_too_early(day, field)
        if day is not None and day > latest:
            raise PLANNED_TOO_FAR.broken(field, given=day.isoformat(), latest=latest.isoformat())


def _require_uscc(command: RegisterProject) -> None:
    given = command.owner_uscc
    if given is None or command.owner_uscc_doubtful:
        return
    expected = check_character(given)
    if given[-1:] != expected:
        raise USCC_CHECK_FAILED.broken("owner_uscc", given=given, expected=expected)


def _registered(command: RegisterProject, unit_id: str, registry_version: int) -> ProjectRegistered:
    return ProjectRegistered(
        occurred_on=command.occurred_on,
        project_id=command.project_id,
        name=command.name,
        kind=command.kind,
        level=command.level,
        major=command.major,
        unit_code=command.unit_code,
        unit_id=unit_id,
        unit_registry_version=registry_version,
        industry=command.industry,
        owner=command.owner,
        owner_uscc=command.owner_uscc,
        owner_uscc_doubtful=command.owner_uscc_doubtful,
        total_investment_yuan=command.total_investment_yuan,
        invested_before_yuan=command.invested_before_yuan,
        site=command.site,
        area_mu=command.area_mu,
        planned_start=command.planned_start,
        planned_completion=command.planned_completion,
        correction_reason=command.correction_reason,
    )
