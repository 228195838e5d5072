"""The reporting pages: what is due, and a form for every command that the visitor may send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from starlette.responses import RedirectResponse, Response

from services.chassis.contracts.paths import CommandPath
from services.chassis.domain import Command, DomainError
from services.chassis.errors import InvalidRequest, NotFound, Problem, RequestError, Violation, describe
from services.chassis.validation import convert
from services.project_tracking.events import month_before, month_of
from services.projection.answers.project import ProjectAnswer
from services.projection.answers.project_lines import ProjectPage
from services.projection.answers.units import UnitList
from services.projection.as_of import EARLIEST, too_early
from services.projection.cockpit.duties import due_of, usual
from services.projection.cockpit.endings import ENDINGS, TAKES_BACK, standing_before
from services.projection.cockpit.forms import Choices, FormField, Known, form_fields
from services.projection.cockpit.frame import Frame
from services.projection.cockpit.labels import LABELS
from services.projection.cockpit.posted import posted
from services.projection.cockpit.prefill import choices_for, corrections_of, values_for
from services.projection.cockpit.project_pages import FILTERS
from services.projection.cockpit.visit import Visit, day_of, segment, with_params
from services.projection.queries import GetProject, ListProjects, ListUnits
from services.projection.unit_scoreboard import TERRITORIES

REGISTER = "RegisterProject"
CONFIRMED = "confirmed"
"""The tick of who has looked at what the record says."""

_PAGE = 100
_NO_COMMAND = ("没有这个操作,或没有权限", "there is no such command, or no right to it")


class Refused(NamedTuple):
    """A form that was posted and not carried out: under which key, and why."""

    key: str
    problem: Problem


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
        choices = _unit_choices(visit, units)
        values = {**_defaults(visit), "unit_code": _only_unit(visit, choices)}
        known = Known(choices={"unit_code": choices}, values=values)
        return await self._form(visit, path, None, form_fields(path.command, None, visit.t, known), known)

    async def form(self, visit: Visit) -> Response:
        """A form for one command to one project; the address's parameters fill fields in."""
        path = self._command(visit, visit.request.path_params["command"])
        answer = await self._project(visit)
        known = await self._known(visit, path, answer)
        fields = form_fields(path.command, path.identity, visit.t, known)
        return await self._form(visit, path, answer, fields, known)

    async def send(self, visit: Visit) -> Response:
        """A step that ends the project, posted by its form: held against the record, then told."""
        path = self._command(visit, visit.request.path_params["command"])
        name = path.command.__name__
        if name not in ENDINGS:
            raise NotFound(*_NO_COMMAND)
        self._frame.sessions.require_ours(visit.request)
        told = await posted(visit.request)
        answer = await self._project(visit)
        known = await self._known(visit, path, answer)
        fields = form_fields(path.command, path.identity, visit.t, replace(known, values=told))
        key = told.get("key", "")
        try:
            _require_given(fields, told)
            if not known.correct and standing_before(name, answer).against and CONFIRMED not in told:
                raise InvalidRequest(_wrong(CONFIRMED, "form.confirm_first"))
            given = {field.path: told[field.path] for field in fields if field.path in told}
            command: Command = convert({**given, path.identity: answer.line.project_id}, path.command)
            receipt = await visit.tell(command, key)
        except (DomainError, RequestError) as error:
            return await self._form(visit, path, answer, fields, known, Refused(key, describe(error)))
        page = f"/report/{segment(answer.line.project_id)}"
        return RedirectResponse(with_params(page, {"token": receipt.token, "done": name}), 303)

    async def _known(self, visit: Visit, path: CommandPath, answer: ProjectAnswer) -> Known:
        name = path.command.__name__
        correct = visit.param("correct") == "1"
        given = {**_defaults(visit), **_given(visit)}
        choices = dict(choices_for(name, answer, visit.t))
        if name == REGISTER:
            units: UnitList = await visit.ask(visit.query(ListUnits))
            choices["unit_code"] = _unit_choices(visit, units)
        return Known(choices, {**given, **values_for(name, answer, given, correct)}, correct)

    async def _form(
        self,
        visit: Visit,
        path: CommandPath,
        answer: ProjectAnswer | None,
        fields: Any,
        known: Known,
        refused: Refused | None = None,
    ) -> Response:
        name, action = path.command.__name__, path.path
        if answer is not None:
            action = action.replace(f"{{{path.identity}}}", segment(answer.line.project_id))
        ending = answer is not None and name in ENDINGS
        problem = None if refused is None else refused.problem
        context = {
            "command": name,
            "action": action,
            "identity": path.identity,
            "answer": answer,
            "fields": fields,
            "correct": known.correct,
            "key": str(uuid4()) if refused is None else refused.key,
            "ending": ending,
            "standing": standing_before(name, answer) if answer is not None and ending and not known.correct else None,
            "takers": self._frame.offered.senders(TAKES_BACK) if ending else [],
            "problem": problem,
            "faults": _faults(visit, problem),
        }
        return await self._frame.answer(visit, "form.html", 200 if problem is None else problem.http, context)

    async def _project(self, visit: Visit) -> ProjectAnswer:
        asked = visit.request.path_params["project_id"][:64]
        answer: ProjectAnswer = await visit.ask(GetProject(project_id=asked, token=visit.param("token") or None))
        return answer

    def _command(self, visit: Visit, name: str) -> CommandPath:
        """The command, when there is one and the visitor may send it."""
        found = self._frame.offered.to(visit.principal.role).get(name)
        if found is None:
            raise NotFound(*_NO_COMMAND)
        return found


def _wrong(field: str, key: str) -> Violation:
    return Violation(field, *LABELS[key])


def _require_given(fields: Sequence[FormField], told: Mapping[str, str]) -> None:
    missing = [_wrong(field.path, "form.missing") for field in fields if field.required and field.path not in told]
    if missing:
        raise InvalidRequest(*missing)


def _faults(visit: Visit, problem: Problem | None) -> dict[str, str]:
    """What is wrong by field."""
    found = () if problem is None else problem.violations
    return {one.field: visit.t.either(one.message, one.english) for one in found}


def _unit_choices(visit: Visit, units: UnitList) -> Choices:
    kept = [unit for unit in units.units if unit.kind in TERRITORIES]
    return tuple((unit.unit_code, visit.t.either(unit.name, unit.english)) for unit in kept)


def _only_unit(visit: Visit, choices: Choices) -> str | None:
    """The unit that it can only be: the clerk's own, or the one that there is."""
    own = visit.principal.unit
    return own if own is not None else choices[0][0] if len(choices) == 1 else None


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
