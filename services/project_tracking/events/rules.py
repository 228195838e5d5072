"""The rule set of projects 项目规则: thresholds and checklists as data. Where each number comes from is kept
with the programme that publishes the rules; no number of any city is in code.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from services.chassis.domain import EntityId, Name
from services.project_tracking.events.terms import ProjectKind

Permille = Annotated[int, msgspec.Meta(ge=0, le=1000)]
Days = Annotated[int, msgspec.Meta(ge=0, le=3660)]


class ApprovalItem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """审批事项: one item of the checklist; without a required one no start."""

    approval_id: EntityId
    name: Name
    english: Name | None = None
    required_for_start: bool = True


class Checklists(msgspec.Struct, frozen=True, kw_only=True):
    """审批清单: the approvals that a project of each kind goes through."""

    investment: tuple[ApprovalItem, ...]
    government: tuple[ApprovalItem, ...]


class ProjectRules(msgspec.Struct, frozen=True, kw_only=True):
    """项目规则 (DOMAIN §2.4).

    Done ÷ planned in thousandths: `green_permille` and above is green, then watch, then yellow, below
    `yellow_permille` red. A milestone that is late up to `watch_up_to_days` is watch, up to
    `yellow_up_to_days` yellow, later red. `yellow_months_to_red` yellow months in a row are red.
    The lamp of a month is given on day `lamp_day` of the next; until then its report can come in.
    """

    version: str
    green_permille: Permille
    watch_permille: Permille
    yellow_permille: Permille
    watch_up_to_days: Days
    yellow_up_to_days: Days
    yellow_months_to_red: Annotated[int, msgspec.Meta(ge=2, le=120)]
    lamp_day: Annotated[int, msgspec.Meta(ge=1, le=28)]
    checklists: Checklists

    def checklist(self, kind: ProjectKind) -> tuple[ApprovalItem, ...]:
        """审批清单 of one kind of project."""
        return self.checklists.government if kind is ProjectKind.GOVERNMENT else self.checklists.investment
