"""The answers about units: side by side, by the register, one with its projects."""

from __future__ import annotations

from datetime import date

from services.policy_registry.events import UnitKind
from services.projection.answers.parts import Answer, Reading
from services.projection.answers.project_lines import AttentionGroup, ProjectLine
from services.projection.answers.summary import OtherSummary, Summary


class OtherUnit(Answer, frozen=True, kw_only=True):
    """What the other knowledge of the day says of a unit."""

    rank: int | None
    summary: OtherSummary


class UnitLine(Answer, frozen=True, kw_only=True):
    """A unit beside the others. `rank` orders the ranked units by the share of green among the judged (equal
    shares, equal rank); None: not ranked, or nothing judged. `other` is None where both readings agree."""

    unit_code: str
    unit_id: str
    name: str
    english: str | None
    kind: UnitKind
    scored: bool
    member: bool
    rank: int | None
    summary: Summary
    other: OtherUnit | None = None


class UnitEntry(Answer, frozen=True, kw_only=True):
    """A unit of the register on the day; `valid_to` is the first day on which it no longer is what it says here."""

    unit_code: str
    unit_id: str
    name: str
    english: str | None
    kind: UnitKind
    scored: bool
    valid_from: date
    valid_to: date | None
    inferred: bool
    basis: str | None


class UnitComparison(Answer, frozen=True, kw_only=True):
    """All units side by side; first the ranked ones in order, then the others."""

    reading: Reading
    units: tuple[UnitLine, ...]
    city: Summary
    other: OtherSummary | None


class UnitList(Answer, frozen=True, kw_only=True):
    reading: Reading
    units: tuple[UnitEntry, ...]


class UnitPost(Answer, frozen=True, kw_only=True):
    """A post that answers for the unit on the day; posts, never persons."""

    post_id: str
    title: str


class UnitAnswer(Answer, frozen=True, kw_only=True):
    """One unit with its posts and its projects, reddest first. `entry` says how the register has it."""

    reading: Reading
    unit: UnitLine
    entry: UnitEntry
    other: OtherSummary | None
    posts: tuple[UnitPost, ...]
    attention: tuple[AttentionGroup, ...]
    projects: tuple[ProjectLine, ...]
