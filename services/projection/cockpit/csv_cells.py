"""The project list as rows of cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from services.projection.answers.project_lines import ProjectLine
from services.projection.cockpit.formats import plain
from services.projection.cockpit.labels import Texts

_HEADS = (
    "field.project_id",
    "field.name",
    "table.unit",
    "table.unit_code",
    "field.kind",
    "field.level",
    "field.industry",
    "table.stage",
    "table.lamp",
    "project.evidence.events",
    "table.total",
    "table.invested",
    "table.physical",
    "table.last_report",
    "field.planned_start",
    "step.started",
    "field.planned_completion",
    "step.completed",
)
_FORMULA = re.compile(r"[\s\x00-\x1f\u00ad\u200b-\u200f\u2060\ufeff]*[=+\-@\u2212\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""A sign that begins a formula, in its ASCII or full-width form, also behind blanks and marks that a spreadsheet passes
over; and what it may split a cell at."""


def safe(cell: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula; with an apostrophe it is text."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def rows_of(lines: Sequence[ProjectLine], t: Texts) -> Iterator[list[str]]:
    """A row of heads, then one for each project. What is not known is an empty cell; money is in whole yuan."""
    yield [t(head) for head in _HEADS]
    for line in lines:
        yield _row(line, t)


def _row(line: ProjectLine, t: Texts) -> list[str]:
    lamp = line.lamp
    return [
        line.project_id,
        line.name,
        t.either(line.unit_name, line.unit_english),
        line.unit_code,
        t(f"kind.{line.kind.value}"),
        t(f"level.{line.level.value}"),
        line.industry,
        t(f"stage.{line.stage.value}"),
        t(f"lamp.{lamp.lamp.value}") if lamp is not None else "",
        "; ".join(lamp.event_ids) if lamp is not None else "",
        str(line.total_investment_yuan),
        "" if line.invested_yuan is None else str(line.invested_yuan),
        "" if line.physical_percent is None else plain(line.physical_percent),
        line.last_report_month or "",
        _day(line.planned_start),
        _day(line.started_on),
        _day(line.planned_completion),
        _day(line.completed_on),
    ]


def _day(value: date | None) -> str:
    return "" if value is None else value.isoformat()
