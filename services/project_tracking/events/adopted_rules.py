"""The rules of projects as the programme published them: from its rule set `project` to typed rules.

Everyone who judges a project reads the numbers here, so that a view and a recorded lamp rest on the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from services.policy_registry.events import RuleSet, checklist, flag, number, whole
from services.project_tracking.events.rules import ApprovalItem, Checklists, ProjectRules

RULE_SET = "project"
"""The id of the rule set that a programme publishes for projects."""


def project_rules(rule_set: RuleSet) -> ProjectRules:
    """Typed rules from the published data; KeyError or ValueError where a number is missing or no number."""
    return ProjectRules(
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


def rules_on(rule_sets: Sequence[RuleSet], day: date) -> ProjectRules | None:
    """The rules of projects in force on a day; None where the programme has published none by then."""
    in_force = [each for each in rule_sets if each.id == RULE_SET and each.effective_on <= day]
    return project_rules(max(in_force, key=lambda each: (each.effective_on, each.version))) if in_force else None


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
