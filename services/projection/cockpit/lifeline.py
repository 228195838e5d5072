"""A recorded fact in words: the fields of its JSON with their labels, and a short line for the life line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from services.chassis.auth import Role
from services.policy_registry.events import RuleSet
from services.projection.answers.project import TimelineEntry
from services.projection.cockpit.formats import DASH, Formats
from services.projection.cockpit.labels import Texts, isolated

_BRIEF = (
    "month",
    "week",
    "lamp",
    "physical_percent",
    "invested_this_month_yuan",
    "approval_id",
    "document_number",
    "number",
    "step",
    "text",
    "progress",
    "help_needed",
    "reason",
    "name",
    "total_investment_yuan",
    "note",
)
"""What of a fact is told in one line, in this order."""

_ENUMS = {
    "lamp": ("lamp",),
    "kind": ("kind", "milestone"),
    "level": ("level",),
    "step": ("step",),
    "reasons": ("reason",),
}
"""The fields whose values are words of the field, and the families of labels that hold them."""

_REASONS = ("correction_reason", "reason")

Names = Mapping[str, str]
"""What an approval is called, by its id; an id that no rule set names stands for itself."""


def approval_names(rule_sets: Sequence[RuleSet], t: Texts) -> Names:
    """By the checklists of the rule sets."""
    items = [item for rules in rule_sets for checklist in rules.checklists for item in checklist.items]
    return {item.id: t.either(item.name, item.english) for item in items}


def title(entry: TimelineEntry, t: Texts) -> str:
    key = f"event.{entry.type}"
    return t(key) if t.has(key) else t("event.other")


def actor(entry: TimelineEntry, t: Texts) -> str:
    """Who recorded it: the role in words and the account; the platform itself has none."""
    role, _, account = entry.actor.partition(":")
    key = f"role.{role}"
    if not t.has(key):
        return entry.actor
    return t(key) if role == Role.SYSTEM.value else f"{t(key)} {account}"


def brief(entry: TimelineEntry, t: Texts, f: Formats, names: Names) -> str:
    """The fact in one line."""
    told = _told(entry)
    parts = [_short(name, told[name], t, f, names) for name in _BRIEF if told.get(name) not in (None, "")]
    return " · ".join(parts)


def _told(entry: TimelineEntry) -> dict[str, Any]:
    """The fields of the fact but for the reason of a correction, which every page shows in its own place."""
    told: dict[str, Any] = msgspec.json.decode(entry.data)
    return {name: value for name, value in told.items() if name not in _REASONS or value != entry.correction_reason}


def _short(name: str, value: Any, t: Texts, f: Formats, names: Names) -> str:
    words = isolated(shown(name, value, t, f, names))
    if name in ("month", "lamp", "text", "progress", "reason", "name", "approval_id", "step", "note", "week"):
        return words
    return f"{_label(name, t)} {words}"


def rows(entry: TimelineEntry, t: Texts, f: Formats, names: Names) -> list[tuple[str, str]]:
    """(label, value) of every field but the reason of a correction, nested ones with the path of their labels."""
    return list(_rows("", _told(entry), t, f, names))


def _rows(path: str, value: Any, t: Texts, f: Formats, names: Names) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _rows(f"{path}.{name}" if path else name, inner, t, f, names)
    elif isinstance(value, list):
        for index, inner in enumerate(value, 1):
            for label, words in _rows(path, inner, t, f, names):
                yield f"{index}. {label}", words
    else:
        yield _label(path, t), shown(path.rpartition(".")[2], value, t, f, names)


def _label(path: str, t: Texts) -> str:
    for key in (f"field.{path}", f"field.{path.rpartition('.')[2]}"):
        if t.has(key):
            return t(key).partition("(")[0]
    return path


def shown(name: str, value: Any, t: Texts, f: Formats, names: Names) -> str:
    """A field's value in words."""
    for family in _ENUMS.get(name, ()):
        if t.has(f"{family}.{value}"):
            return t(f"{family}.{value}")
    if name == "approval_id":
        return names.get(value, str(value))
    if name.endswith("_yuan") and isinstance(value, int):
        return f"{f.money(value)} ({value:,})"
    if name == "physical_percent":
        return f.percent(Decimal(str(value)))
    if name == "ratio_permille" and isinstance(value, int):
        return f.permille(value)
    return t("form.yes") if value is True else DASH if value is None else str(value)
