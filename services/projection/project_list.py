"""ListProjects: filters, order and pages over a board."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import msgspec
from msgspec.structs import replace

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.service import Asker
from services.chassis.views.view import Reader
from services.project_tracking.events import Stage
from services.projection.answers.project_lines import ProjectPage
from services.projection.as_of import moment_of
from services.projection.boards import Board, board_at, other_reading
from services.projection.city_answers import entry_with_code
from services.projection.lines import ATTENTION, project_lines, reading_of, severity
from services.projection.queries import ListProjects, ProjectOrder
from services.projection.sight import sight_of
from services.projection.standing import Standing
from services.projection.summaries import changes, lamp_counts, stage_counts

_STAGES = list(Stage)


def list_projects(reader: Reader, query: ListProjects, asker: Asker) -> ProjectPage:
    """Raises InvalidRequest for a page token that is not this question's."""
    moment = moment_of(query, asker)
    board, other = board_at(reader, moment), other_reading(reader, moment, asker.today)
    sight = sight_of(reader, asker)
    found = ordered([one for one in sight.visible(board) if _fits(one, query, board)], query)
    start = _start(query)
    page = found[start : start + query.page_size]
    compared = [one for one in sight.visible(board) if sight.compared(one, board, other) is not None]
    changed, corrected = changes(compared, {} if other is None else other.standings)
    end = start + len(page)
    return ProjectPage(
        reading=reading_of(moment, asker, other),
        projects=project_lines(page, board, other, sight),
        total=len(found),
        total_investment_yuan=sum(one.record.total_investment_yuan for one in found),
        lamps=lamp_counts(found),
        stages=stage_counts(found),
        next_page_token=_token(end, query) if end < len(found) else "",
        changed_projects=changed,
        corrected_projects=corrected,
    )


def _fits(standing: Standing, query: ListProjects, board: Board) -> bool:
    record = standing.record
    return (
        (query.unit_code is None or record.unit_id == _unit_id(board, query.unit_code))
        and (query.kind is None or record.kind is query.kind)
        and (query.level is None or record.level is query.level)
        and (not query.stage or standing.stage in query.stage)
        and (not query.lamp or standing.colour in query.lamp)
        and (query.attention is None or ATTENTION[query.attention](standing))
        and (not query.text or _says(standing, query.text))
    )


def _unit_id(board: Board, code: str) -> str | None:
    key = f"code:{code}"
    if key not in board.notes:
        entry = entry_with_code(board, code)
        board.notes[key] = None if entry is None else entry.unit_id
    found: str | None = board.notes[key]
    return found


def _says(standing: Standing, text: str) -> bool:
    """Every word of the text is part of the name, id, owner, industry or site."""
    record = standing.record
    told = " ".join((record.project_id, record.name, record.owner, record.industry, record.site or "")).casefold()
    return all(word in told for word in text.casefold().split())


def _or_last(value: Any) -> tuple[bool, Any]:
    """What is not known comes last in either direction."""
    return (value is None, value or 0)


_ORDERS: dict[ProjectOrder, Callable[[Standing], Any]] = {
    ProjectOrder.PROJECT_ID: lambda one: (False, one.record.project_id),
    ProjectOrder.NAME: lambda one: (False, one.record.name),
    ProjectOrder.UNIT: lambda one: (False, one.record.unit_code),
    ProjectOrder.LAMP: lambda one: (False, severity(one)[:2]),
    ProjectOrder.STAGE: lambda one: (False, _STAGES.index(one.stage)),
    ProjectOrder.TOTAL_INVESTMENT: lambda one: (False, one.record.total_investment_yuan),
    ProjectOrder.INVESTED: lambda one: _or_last(one.invested_yuan),
    ProjectOrder.RATIO: lambda one: _or_last(one.lamp.evidence.ratio_permille if one.lamp else None),
    ProjectOrder.PHYSICAL: lambda one: _or_last(one.physical_percent),
}


def ordered(found: Sequence[Standing], query: ListProjects) -> list[Standing]:
    """By the order asked for; equal ones by id, unknown ones last."""
    key = _ORDERS[query.order]
    by_id = sorted(found, key=lambda one: one.record.project_id)
    known = [one for one in by_id if not key(one)[0]]
    unknown = [one for one in by_id if key(one)[0]]
    known.sort(key=lambda one: key(one)[1], reverse=query.descending)
    return known + unknown


def _start(query: ListProjects) -> int:
    if not query.page_token:
        return 0
    try:
        text = base64.urlsafe_b64decode(query.page_token.encode()).decode()
        offset, _, mark = text.partition(".")
        if int(mark) == _mark(query) and 0 <= int(offset) <= 10**9:
            return int(offset)
    except (ValueError, binascii.Error):
        pass
    wrong = "翻页标记与查询条件不符,请从第一页重新查询"
    raise InvalidRequest(Violation("page_token", wrong, "the page token does not belong to this question"))


def _token(offset: int, query: ListProjects) -> str:
    return base64.urlsafe_b64encode(f"{offset}.{_mark(query)}".encode()).decode()


def _mark(query: ListProjects) -> int:
    """The same for the same filters and order; the size of a page may change on the way."""
    return crc32(msgspec.json.encode(replace(query, page_token=None, page_size=1, token=None)))
