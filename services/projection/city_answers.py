"""GetOverview, CompareUnits, ListUnits, GetUnit, GetProgramme: the handlers of the questions about the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.chassis.errors import NotFound
from services.chassis.service import Asker
from services.chassis.views.view import Reader
from services.policy_registry.events import (
    ProgrammeText,
    RuleSet,
    UnitSpan,
    members_on,
    phases_on,
    responsible_on,
    rule_set_in_force,
    text_on,
    unit_with_code,
)
from services.projection.answers.overview import Overview
from services.projection.answers.programme import NamedParty, PhaseLine, ProgrammeAnswer
from services.projection.answers.project_lines import AttentionGroup
from services.projection.answers.summary import OtherSummary, Summary
from services.projection.answers.units import (
    UnitAnswer,
    UnitComparison,
    UnitEntry,
    UnitLine,
    UnitList,
    UnitPost,
)
from services.projection.as_of import moment_of
from services.projection.beside import beside, other_units, with_other
from services.projection.boards import Board, board_at, board_of, other_reading
from services.projection.lines import ATTENTION, project_lines, reading_of, severity
from services.projection.queries import CompareUnits, GetOverview, GetProgramme, GetUnit, ListUnits
from services.projection.sight import Sight, sight_of
from services.projection.standing import Standing
from services.projection.summaries import other_summary, summary_of
from services.projection.unit_scoreboard import entry_of, unit_lines

SHOWN = 8
"""Projects named in a group that needs attention; the list has them all."""


def get_overview(reader: Reader, query: GetOverview, asker: Asker) -> Overview:
    """The whole on a day, as far as the asker sees it: sums, units, what needs attention, the year's programme."""
    moment = moment_of(query, asker)
    board, other = board_at(reader, moment), other_reading(reader, moment, asker.today)
    sight = sight_of(reader, asker)
    seen = sight.visible(board)
    text, known = text_on(board.programme, moment.on), board.programme.adopted
    return Overview(
        reading=reading_of(moment, asker, other),
        summary=_summary(board, seen, asker),
        other=_other(seen, board, other, asker, sight),
        units=beside(_own(board, sight), board, other, sight),
        attention=_attention(seen, board, other, sight),
        programme_title=None if known is None else known.title,
        programme_english=None if known is None else known.english,
        city=None if known is None else known.city,
        year=None if known is None else known.year,
        phases=_phases(board, text),
        campaigns=text.campaigns,
    )


def compare_units(reader: Reader, query: CompareUnits, asker: Asker) -> UnitComparison:
    moment = moment_of(query, asker)
    board, other = board_at(reader, moment), other_reading(reader, moment, asker.today)
    sight = sight_of(reader, asker)
    seen = sight.visible(board)
    return UnitComparison(
        reading=reading_of(moment, asker, other),
        units=beside(_own(board, sight), board, other, sight),
        city=_summary(board, seen, asker),
        other=_other(seen, board, other, asker, sight),
    )


def list_units(reader: Reader, query: ListUnits, asker: Asker) -> UnitList:
    moment = moment_of(query, asker)
    board = board_at(reader, moment)
    own = {line.unit_id for line in _own(board, sight_of(reader, asker))}
    spans = members_on(board.register, moment.on)
    entries = tuple(entry_of(span) for span in spans if asker.own_unit is None or span.unit_id in own)
    return UnitList(reading=reading_of(moment, asker, None), units=entries)


def get_unit(reader: Reader, query: GetUnit, asker: Asker) -> UnitAnswer:
    """Raises NotFound for a code that nobody bore by the day, and for another's unit."""
    moment = moment_of(query, asker)
    board, other = board_at(reader, moment), other_reading(reader, moment, asker.today)
    entry, sight = entry_with_code(board, query.unit_code), sight_of(reader, asker)
    line = next((each for each in _own(board, sight) if entry is not None and each.unit_id == entry.unit_id), None)
    if entry is None or line is None:
        raise NotFound(f"没有单位 {query.unit_code}", f"there is no unit {query.unit_code}")
    seen = [standing for standing in sight.visible(board) if standing.record.unit_id == entry.unit_id]
    told = None if other is None else other_units([line], board, other, sight)[line.unit_id]
    return UnitAnswer(
        reading=reading_of(moment, asker, other),
        unit=line if told is None else with_other(line, told),
        entry=entry,
        other=None if told is None else told.summary,
        posts=_posts(board, entry),
        attention=_attention(seen, board, other, sight, entry.unit_id),
        projects=project_lines(sorted(seen, key=severity), board, other, sight),
    )


def entry_with_code(board: Board, code: str) -> UnitEntry | None:
    """Who bore the code on the day; else who bore it last before."""
    span = unit_with_code(board.register, code, board.moment.on)
    if span is None:
        past = [
            each
            for record in board.register.units.values()
            for each in record.spans
            if each.code == code and each.valid_from <= board.moment.on
        ]
        span = max(past, key=lambda each: each.valid_from, default=None)
    return None if span is None else entry_of(span)


def get_programme(reader: Reader, query: GetProgramme, asker: Asker) -> ProgrammeAnswer:
    """The programme in force on the day, with the units that it names; empty before one was adopted."""
    moment = moment_of(query, asker)
    board = board_of(reader, moment)
    text, known = text_on(board.programme, moment.on), board.programme.adopted
    return ProgrammeAnswer(
        reading=reading_of(moment, asker, None),
        title=None if known is None else known.title,
        english=None if known is None else known.english,
        city=None if known is None else known.city,
        year=None if known is None else known.year,
        adopted_on=None if known is None else known.occurred_on,
        goals=() if known is None else known.goals,
        campaigns=text.campaigns,
        groups=text.groups,
        measures=text.measures,
        phases=_phases(board, text),
        duties=text.duties,
        rule_sets=_rule_sets(board),
        units=_named(board, text),
    )


def _summary(board: Board, seen: Sequence[Standing], asker: Asker) -> Summary:
    if asker.own_unit is not None:
        return summary_of(seen, board.moment.on, board.rules)
    known: Summary | None = board.notes.get("summary")
    if known is None:
        known = board.notes["summary"] = summary_of(seen, board.moment.on, board.rules)
    return known


def _other(
    seen: Sequence[Standing], board: Board, other: Board | None, asker: Asker, sight: Sight
) -> OtherSummary | None:
    if other is None:
        return None
    others = sight.visible(other)
    both = [standing for standing in seen if sight.compared(standing, board, other) is not None]
    return other_summary(both, others, _summary(other, others, asker))


def _own(board: Board, sight: Sight) -> tuple[UnitLine, ...]:
    return tuple(line for line in unit_lines(board) if sight.is_own(line.unit_id, line.unit_code))


def _attention(
    seen: Sequence[Standing], board: Board, other: Board | None, sight: Sight, unit_id: str | None = None
) -> tuple[AttentionGroup, ...]:
    """Of the projects seen, which are one unit's where `unit_id` is given."""
    groups = []
    others = None
    if other is not None:
        others = [one for one in sight.visible(other) if unit_id in (None, one.record.unit_id)]
    for kind, holds in ATTENTION.items():
        found = sorted((standing for standing in seen if holds(standing)), key=severity)
        shown = project_lines(found[:SHOWN], board, other, sight)
        groups.append(AttentionGroup(kind=kind, count=len(found), other_count=_count(others, holds), projects=shown))
    return tuple(groups)


def _count(others: Sequence[Standing] | None, holds: Callable[[Standing], bool]) -> int | None:
    return None if others is None else sum(1 for one in others if holds(one))


def _phases(board: Board, text: ProgrammeText) -> tuple[PhaseLine, ...]:
    current = phases_on(board.programme, board.moment.on)
    return tuple(PhaseLine(phase=phase, current=phase in current) for phase in text.phases)


def _rule_sets(board: Board) -> tuple[RuleSet, ...]:
    """Those that hold on the board's day, whichever programme published them."""
    programmes, day = board.city.programmes, board.moment.on
    ids = sorted({each.id for record in programmes.values() for each in record.rule_sets})
    in_force = (rule_set_in_force(programmes, each, day) for each in ids)
    return tuple(each for each in in_force if each is not None)


def _posts(board: Board, entry: UnitEntry) -> tuple[UnitPost, ...]:
    found = responsible_on(board.register, f"unit:{entry.unit_code}", board.moment.on)
    return tuple(UnitPost(post_id=post.post_id, title=post.title) for post in found)


def _named(board: Board, text: ProgrammeText) -> tuple[NamedParty, ...]:
    """The names of every unit that the programme names."""
    ids = {named.unit_id for measure in text.measures for named in measure.departments}
    ids |= {unit_id for duty in text.duties for party in (duty.author, duty.addressee) for unit_id in party.units}
    spans: list[UnitSpan] = [span for span in map(board.unit, sorted(ids)) if span is not None]
    return tuple(NamedParty(unit_id=span.unit_id, name=span.name, english=span.english) for span in spans)
