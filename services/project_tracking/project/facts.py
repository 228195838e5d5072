"""What a decision on a project rests on besides its own history."""

from __future__ import annotations

import msgspec

from services.chassis.domain import Facts
from services.project_tracking.events.rules import ProjectRules


class UnitFact(msgspec.Struct, frozen=True, kw_only=True):
    """单位: the unit as it was valid on the day that was asked for.

    `unit_id` outlives changes of `code`; `registry_version` is the version of the unit registry looked at.
    """

    code: str
    unit_id: str
    name: str
    registry_version: int


class ProjectFacts(Facts, frozen=True, kw_only=True):
    """项目事实. `unit` is the project's unit as it is on the command's `occurred_on`, or on the day of the registration
    where that is later; for a registration the one that bears the named code on its day. None: there is none on that
    day. `rules` is the rule set in force, None when none is adopted.
    """

    unit: UnitFact | None = None
    rules: ProjectRules | None = None
