"""A recorded fact in words: the fields of its JSON with their labels, and a short line for the life line."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from services.projection.answers.project import TimelineEntry
from services.projection.cockpit.formats import Formats
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

_ENUMS = {"lamp": "lamp", "kind": "kind", "level": "level", "step": "step"}


def title(entry: TimelineEntry, t: Texts) -> str:
    key = f"event.{entry.type}"
    return t(key) if t.has(key) else t("event.other")


def brief(entry: TimelineEntry, t: Texts, f: Formats) -> str:
    """The fact in one line."""
    told = msgspec.json.decode(entry.data)
    parts = [_short(name, told[name], t, f) for name in _BRIEF if told.get(name) not in (None, "")]
    return " · ".join(parts)


def _short(name: str, value: Any, t: Texts, f: Formats) -> str:
    words = isolated(shown(name, value, t, f))
    if name in ("month", "lamp", "text", "progress", "reason", "name", "approval_id", "step", "note", "week"):
        return words
    return f"{_label(name, t)} {words}"


def rows(entry: TimelineEntry, t: Texts, f: Formats) -> list[tuple[str, str]]:
    """(label, value) of every field, nested ones with the path of their labels."""
    return list(_rows("", msgspec.json.decode(entry.data), t, f))


def _rows(path: str, value: Any, t: Texts, f: Formats) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _rows(f"{path}.{name}" if path else name, inner, t, f)
    elif isinstance(value, list):
        for index, inner in enumerate(value, 1):
            for label, words in _rows(path, inner, t, f):
                yield f"{index}. {label}", words
    else:
        yield _label(path, t), shown(path.rpartition(".")[2], value, t, f)


def _label(path: str, t: Texts) -> str:
    for key in (f"field.{path}", f"field.{path.rpartition('.')[2]}"):
        if t.has(key):
            return t(key).partition("(")[0]
    return path


def shown(name: str, value: Any, t: Texts, f: Formats) -> str:
    """A field's value in words."""
    prefix = _ENUMS.get(name)
    if prefix is not None and t.has(f"{prefix}.{value}"):
        return t(f"{prefix}.{value}")
    if name.endswith("_yuan") and isinstance(value, int):
        return f"{f.money(value)} ({value:,})"
    if name == "physical_percent":
        return f.percent(Decimal(str(value)))
    if name == "reasons" and t.has(f"reason.{value}"):
        return t(f"reason.{value}")
    return t("form.yes") if value is True else str(value)
