"""What the other reading of a past day says of units, beside what this one says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from services.projection.answers.units import OtherUnit, UnitLine
from services.projection.boards import Board
from services.projection.sight import Sight
from services.projection.standing import Standing
from services.projection.summaries import other_summary, same_figures, summary_of
from services.projection.unit_scoreboard import unit_lines


def beside(lines: Sequence[UnitLine], board: Board, other: Board | None, sight: Sight) -> tuple[UnitLine, ...]:
    """The lines, each with what the other reading says of the unit where that differs."""
    if other is None:
        return tuple(lines)
    told = other_units(lines, board, other, sight)
    return tuple(with_other(line, told[line.unit_id]) for line in lines)


def with_other(line: UnitLine, told: OtherUnit) -> UnitLine:
    same = told.rank == line.rank and not told.summary.changed_projects and same_figures(line.summary, told.summary)
    return line if same else replace(line, other=told)


def other_units(lines: Sequence[UnitLine], board: Board, other: Board, sight: Sight) -> dict[str, OtherUnit]:
    """What the other reading says of the units of these lines, by unit id."""
    known = {line.unit_id: line for line in unit_lines(other)}
    ours = _by_unit(one for one in sight.visible(board) if sight.compared(one, board, other) is not None)
    theirs = _by_unit(sight.visible(other))
    found = {}
    for line in lines:
        others, beside = theirs.get(line.unit_id, []), known.get(line.unit_id)
        summary = summary_of(others, other.moment.on, other.rules) if beside is None else beside.summary
        found[line.unit_id] = OtherUnit(
            rank=None if beside is None else beside.rank,
            summary=other_summary(ours.get(line.unit_id, []), others, summary),
        )
    return found


def _by_unit(standings: Iterable[Standing]) -> dict[str, list[Standing]]:
    found: dict[str, list[Standing]] = {}
    for standing in standings:
        found.setdefault(standing.record.unit_id, []).append(standing)
    return found
