"""unit_scoreboard 单位对比: board rows by units of the register, the ranked ones in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from services.policy_registry.events import UnitKind, UnitSpan, members_on
from services.projection.answers.units import UnitEntry, UnitLine
from services.projection.boards import Board
from services.projection.standing import Standing
from services.projection.summaries import summary_of

TERRITORIES = (UnitKind.DISTRICT, UnitKind.COUNTY, UnitKind.CITY, UnitKind.ZONE)
"""Kinds that have projects; departments and offices are not compared."""


def unit_lines(board: Board) -> tuple[UnitLine, ...]:
    """A line for each territory of the day and for each unit that has projects: ranked ones first, by rank."""
    known: tuple[UnitLine, ...] | None = board.notes.get("units")
    if known is None:
        known = board.notes["units"] = tuple(_ranked(_lines(board)))
    return known


def _lines(board: Board) -> list[UnitLine]:
    by_unit: dict[str, list[Standing]] = {}
    for standing in board.standings.values():
        by_unit.setdefault(standing.record.unit_id, []).append(standing)
    members = {span.unit_id: span for span in members_on(board.register, board.moment.on, *TERRITORIES)}
    ids = [*members, *(unit_id for unit_id in sorted(by_unit) if unit_id not in members)]
    return [_line(board, unit_id, by_unit.get(unit_id, []), unit_id in members) for unit_id in ids]


def _line(board: Board, unit_id: str, standings: Sequence[Standing], member: bool) -> UnitLine:
    span = board.unit(unit_id)
    return UnitLine(
        unit_code=span.code if span is not None else standings[0].record.unit_code,
        unit_id=unit_id,
        name=span.name if span is not None else unit_id,
        english=span.english if span is not None else None,
        kind=span.kind if span is not None else UnitKind.COUNTY,
        scored=member and span is not None and span.scored,
        member=member,
        rank=None,
        summary=summary_of(standings, board.moment.on, board.rules),
    )


def _ranked(lines: Iterable[UnitLine]) -> list[UnitLine]:
    """By the share of green, then by investment against plan, then by code; equal shares have equal ranks."""
    known = sorted(lines, key=_order)
    shares = [line.summary.green_permille for line in known if _has_rank(line)]
    return [
        replace(line, rank=shares.index(line.summary.green_permille) + 1) if _has_rank(line) else line for line in known
    ]


def _has_rank(line: UnitLine) -> bool:
    return line.scored and line.summary.green_permille is not None


def _order(line: UnitLine) -> tuple[bool, bool, int, int, str]:
    green, ratio = line.summary.green_permille, line.summary.investment.year_ratio_permille
    return (not _has_rank(line), not line.scored, -(green or 0), -(ratio or 0), line.unit_code)


def entry_of(span: UnitSpan) -> UnitEntry:
    return UnitEntry(
        unit_code=span.code,
        unit_id=span.unit_id,
        name=span.name,
        english=span.english,
        kind=span.kind,
        scored=span.scored,
        valid_from=span.valid_from,
        valid_to=span.valid_to,
        inferred=span.inferred,
        basis=span.basis,
    )
