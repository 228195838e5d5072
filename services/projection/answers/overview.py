"""The answer about the whole city on one day."""

from __future__ import annotations

from services.policy_registry.events import Campaign
from services.projection.answers.parts import Answer, Reading
from services.projection.answers.programme import PhaseLine
from services.projection.answers.project_lines import AttentionGroup
from services.projection.answers.summary import OtherSummary, Summary
from services.projection.answers.units import UnitLine


class Overview(Answer, frozen=True, kw_only=True):
    """The city on one day."""

    reading: Reading
    summary: Summary
    other: OtherSummary | None
    units: tuple[UnitLine, ...]
    attention: tuple[AttentionGroup, ...]
    programme_title: str | None
    programme_english: str | None
    city: str | None
    year: int | None
    phases: tuple[PhaseLine, ...]
    campaigns: tuple[Campaign, ...]
