"""The pages about projects: the list with its CSV, one project, its life line, one recorded fact."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.responses import Response

from services.chassis.errors import NotFound
from services.projection.answers.programme import ProgrammeAnswer
from services.projection.answers.project import ProjectAnswer, ProjectTimeline
from services.projection.answers.project_lines import ProjectLine, ProjectPage
from services.projection.answers.units import UnitList
from services.projection.cockpit.csv_cells import rows_of, safe
from services.projection.cockpit.frame import Frame
from services.projection.cockpit.lifeline import Names, approval_names
from services.projection.cockpit.pages import HEADERS
from services.projection.cockpit.visit import Visit
from services.projection.queries import (
    LARGEST_PAGE,
    AttentionKind,
    GetProgramme,
    GetProject,
    GetProjectTimeline,
    ListProjects,
    ListUnits,
    ProjectOrder,
)
from services.projection.unit_scoreboard import TERRITORIES

FILTERS = {
    "unit_code": False,
    "kind": False,
    "level": False,
    "stage": True,
    "lamp": True,
    "attention": False,
    "text": False,
    "order": False,
    "descending": False,
    "page_size": False,
    "page_token": False,
}
"""Parameters of the list's address, and whether they repeat."""

_LATEST = 12
"""Facts of the life line on the project's own page; its own page has them all."""


class ProjectPages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def listing(self, visit: Visit) -> Response:
        query = visit.filters(ListProjects, FILTERS)
        answer: ProjectPage = await visit.ask(query)
        units: UnitList = await visit.ask(visit.query(ListUnits))
        return await self._frame.show(
            visit,
            "projects.html",
            answer=answer,
            query=query,
            units=[unit for unit in units.units if unit.kind in TERRITORIES],
            orders=list(ProjectOrder),
            attentions=list(AttentionKind),
            reading=answer.reading,
            other=answer if answer.reading.compared else None,
        )

    async def csv(self, visit: Visit) -> Response:
        """All that fit, as UTF-8 with a BOM (so that spreadsheets read it), every cell safe from being a formula."""
        query = visit.filters(ListProjects, FILTERS, page_size=LARGEST_PAGE, page_token=None)
        lines: list[ProjectLine] = []
        while True:
            page: ProjectPage = await visit.ask(query)
            lines += page.projects
            if not page.next_page_token:
                break
            query = msgspec.structs.replace(query, page_token=page.next_page_token)
        name = f"projects-{visit.times.on.isoformat()}.csv"
        headers = {**HEADERS, "Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        return Response(_csv(rows_of(lines, visit.t)), media_type="text/csv; charset=utf-8", headers=headers)

    async def project(self, visit: Visit) -> Response:
        asked = visit.request.path_params["project_id"][:64]
        answer: ProjectAnswer = await visit.ask(visit.query(GetProject, project_id=asked))
        life: ProjectTimeline = await visit.ask(visit.query(GetProjectTimeline, project_id=asked))
        shown = [entry for entry in life.entries if not entry.after or entry.replaces] or list(life.entries)
        return await self._frame.show(
            visit,
            "project.html",
            answer=answer,
            line=answer.line,
            entries=shown[:_LATEST],
            facts=len(life.entries),
            names=await _names(visit),
            reading=answer.reading,
        )

    async def timeline(self, visit: Visit) -> Response:
        asked = visit.request.path_params["project_id"][:64]
        answer: ProjectTimeline = await visit.ask(visit.query(GetProjectTimeline, project_id=asked))
        names = await _names(visit)
        return await self._frame.show(visit, "timeline.html", answer=answer, names=names, reading=answer.reading)

    async def event(self, visit: Visit) -> Response:
        """One recorded fact, exactly. It is asked for by all that is known, whatever day is looked at; of a project
        that is the visitor's unit's no more, as known at the time that is looked at."""
        asked, version = visit.request.path_params["project_id"][:64], visit.request.path_params["version"]
        if not (version.isascii() and version.isdigit() and len(version) <= 10 and 0 < int(version) < 2**31):
            raise NotFound(f"没有第 {version[:20]} 条记录", f"there is no fact number {version[:20]}")
        query = GetProjectTimeline(project_id=asked, version=int(version), token=visit.param("token") or None)
        answer: ProjectTimeline
        try:
            answer = await visit.ask(query)
        except NotFound:
            answer = await visit.ask(visit.query(GetProjectTimeline, project_id=asked, version=int(version)))
        told: dict[str, Any] = {"entry": answer.entries[0], "names": await _names(visit), "reading": answer.reading}
        return await self._frame.show(visit, "event.html", answer=answer, **told)


async def _names(visit: Visit) -> Names:
    """What approvals are called, by the rule sets that hold today: an early fact's were not published yet."""
    answer: ProgrammeAnswer = await visit.ask(GetProgramme())
    return approval_names(answer.rule_sets, visit.t)


def _csv(rows: Iterator[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([safe(cell) for cell in row])
    return text.getvalue().encode("utf-8-sig")
