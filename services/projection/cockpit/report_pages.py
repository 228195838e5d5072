"""The reporting pages: what is due, and a form for every command that the visitor may send."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from starlette.responses import Response

from services.chassis.contracts.paths import CommandPath
from services.chassis.errors import InvalidRequest, NotFound
from services.project_tracking.events import month_before, month_of
from services.projection.answers.project import ProjectAnswer
from services.projection.answers.project_lines import ProjectPage
from services.projection.answers.units import UnitList
from services.projection.as_of import EARLIEST, too_early
from services.projection.cockpit.duties import due_of, usual
from services.projection.cockpit.forms import Choices, Known, form_fields
from services.projection.cockpit.frame import Frame
from services.projection.cockpit.prefill import choices_for, corrections_of, values_for
from services.projection.cockpit.project_pages import FILTERS
from services.projection.cockpit.visit import Visit, day_of, segment
from services.projection.queries import GetProject, ListProjects, ListUnits
from services.projection.unit_scoreboard import TERRITORIES

REGISTER = "RegisterProject"
_PAGE = 100


class ReportPages:
    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    async def mine(self, visit: Visit) -> Response:
        """The visitor's projects with what is due; what is overdue comes first."""
        query = visit.filters(ListProjects, FILTERS, page_size=_PAGE, on=None, known_on=None)
        answer: ProjectPage = await visit.ask(query)
        cards = [(line, due_of(line, visit.times.today)) for line in answer.projects]
        cards.sort(key=lambda card: (not any(due.late for due in card[1]), not card[1]))
        return await self._frame.show(
            visit,
            "report.html",
            answer=answer,
            cards=cards,
            query=query,
            offered=self._frame.offered.to(visit.principal.role),
        )

    async def project(self, visit: Visit) -> Response:
        """One project: what is due, the commands, and what was recorded, each to be corrected."""
        answer = await self._project(visit)
        offered = self._frame.offered.to(visit.principal.role)
        fitting = [name for name in usual(answer.line) if name in offered]
        done = visit.param("done")
        return await self._frame.show(
            visit,
            "report_project.html",
            answer=answer,
            line=answer.line,
            due=due_of(answer.line, visit.times.today),
            usual=fitting,
            more=[name for name in offered if name not in fitting and name != REGISTER],
            recorded=[one for one in corrections_of(answer, visit.t, visit.f) if one.command in offered],
            offered=offered,
            done=done if done in offered else None,
        )

    async def register(self, visit: Visit) -> Response:
        path = self._command(visit, REGISTER)
        units: UnitList = await visit.ask(visit.query(ListUnits))
        known = Known(choices={"unit_code": _unit_choices(visit, units)}, values=_defaults(visit))
        return await self._form(visit, path, None, form_fields(path.command, None, visit.t, known), known)

    async def form(self, visit: Visit) -> Response:
        """A form for one command to one project; the address's parameters fill fields in."""
        path = self._command(visit, visit.request.path_params["command"])
        answer = await self._project(visit)
        correct = visit.param("correct") == "1"
        given = {**_defaults(visit), **_given(visit)}
        choices = dict(choices_for(path.command.__name__, answer, visit.t))
        if path.command.__name__ == REGISTER:
            units: UnitList = await visit.ask(visit.query(ListUnits))
            choices["unit_code"] = _unit_choices(visit, units)
        known = Known(choices, {**given, **values_for(path.command.__name__, answer, given, correct)}, correct)
        fields = form_fields(path.command, path.identity, visit.t, known)
        return await self._form(visit, path, answer, fields, known)

    async def _form(
        self, visit: Visit, path: CommandPath, answer: ProjectAnswer | None, fields: Any, known: Known
    ) -> Response:
        action = path.path
        if answer is not None:
            action = action.replace(f"{{{path.identity}}}", segment(answer.line.project_id))
        return await self._frame.show(
            visit,
            "form.html",
            command=path.command.__name__,
            action=action,
            identity=path.identity,
            answer=answer,
            fields=fields,
            correct=known.correct,
            key=str(uuid4()),
        )

    async def _project(self, visit: Visit) -> ProjectAnswer:
        asked = visit.request.path_params["project_id"][:64]
        answer: ProjectAnswer = await visit.ask(GetProject(project_id=asked, token=visit.param("token") or None))
        return answer

    def _command(self, visit: Visit, name: str) -> CommandPath:
        """The command, when there is one and the visitor may send it."""
        found = self._frame.offered.to(visit.principal.role).get(name)
        if found is None:
            raise NotFound("没有这个操作,或没有权限", "there is no such command, or no right to it")
        return found


def _unit_choices(visit: Visit, units: UnitList) -> Choices:
    kept = [unit for unit in units.units if unit.kind in TERRITORIES]
    return tuple((unit.unit_code, visit.t.either(unit.name, unit.english)) for unit in kept)


def _defaults(visit: Visit) -> dict[str, Any]:
    today = visit.times.today
    monday = today - timedelta(days=today.weekday())
    return {"occurred_on": today.isoformat(), "week": monday.isoformat(), "month": month_before(month_of(today))}


def _given(visit: Visit) -> dict[str, Any]:
    """Values from the address, for a field's first content; what does not fit is refused when it is sent, and at once
    a day from which a plan can't be drawn up."""
    known = ("month", "week", "milestone_id", "approval_id", "number", "step", "occurred_on")
    given = {name: visit.param(name)[:64] for name in known if visit.param(name)}
    if "occurred_on" in given and day_of("occurred_on", given["occurred_on"]) < EARLIEST:
        raise InvalidRequest(too_early("occurred_on", given["occurred_on"]))
    return given
