"""The rules of projects as the programme published them: from its rule set `project` to typed rules.

Everyone who judges a project reads the numbers here, so that a view and a recorded lamp rest on the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from services.chassis.domain import DomainError
from services.policy_registry.events import (
    ProgrammeRecord,
    RuleSet,
    checklist,
    flag,
    number,
    require_form,
    rule_set_in_force,
    whole,
)
from services.project_tracking.events.rules import ApprovalItem, Checklists, ProjectRules

RULE_SET = "project"
"""The id of the rule set that a programme publishes for projects."""


def project_rules(rule_set: RuleSet) -> ProjectRules:
    """Typed rules from the published data.

    Raises DomainError where the rule set is not of its form, ValueError where the rules' own limits do not hold.
    """
    require_form(rule_set, "rule_set")
    rules = ProjectRules(
        version=f"{rule_set.id}/{rule_set.version}",
        green_permille=_permille(rule_set, "green_from"),
        watch_permille=_permille(rule_set, "watch_from"),
        yellow_permille=_permille(rule_set, "yellow_from"),
        watch_up_to_days=whole(rule_set, "milestone_yellow_days") - 1,
        yellow_up_to_days=whole(rule_set, "milestone_red_days") - 1,
        yellow_months_to_red=whole(rule_set, "yellow_months_to_red"),
        lamp_day=whole(rule_set, "lamp_day"),
        checklists=Checklists(
            investment=_items(rule_set, "checklist.investment"), government=_items(rule_set, "checklist.government")
        ),
    )
    # A Struct holds to its limits only where it is converted.
    return msgspec.convert(msgspec.structs.asdict(rules), ProjectRules)


def rules_on(programmes: Mapping[str, ProgrammeRecord], day: date) -> ProjectRules | None:
    """The rules of projects in force on a day, of the programmes by id.

    None where none has published any by then, and where the rule set of the day can't be decided by (one of an older
    store): there are then no rules until a sound one is published, and no lamps.
    """
    rule_set = rule_set_in_force(programmes, RULE_SET, day)
    try:
        return None if rule_set is None else project_rules(rule_set)
    except (DomainError, ValueError):
        return None


def _permille(rule_set: RuleSet, name: str) -> int:
    return int(number(rule_set, name) * Decimal(1000))


def _items(rule_set: RuleSet, list_id: str) -> tuple[ApprovalItem, ...]:
    return tuple(
        ApprovalItem(
            approval_id=item.id,
            name=item.name,
            english=item.english,
            required_for_start=flag(item, "required_for_start"),
        )
        for item in checklist(rule_set, list_id)
    )
