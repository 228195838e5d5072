"""What a form can know beforehand: the choices of a project, the values that are to be corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from services.project_tracking.events import MilestoneKind, Step
from services.projection.answers.project import BaselineLine, ProjectAnswer
from services.projection.cockpit.formats import Formats, plain
from services.projection.cockpit.forms import Choices
from services.projection.cockpit.labels import Texts, isolated

_STEP_COMMANDS = {
    Step.SIGNED: "SignProject",
    Step.STARTED: "StartProject",
    Step.SUSPENDED: "SuspendProject",
    Step.RESUMED: "ResumeProject",
    Step.COMPLETED: "CompleteProject",
    Step.IN_PRODUCTION: "PutIntoProduction",
    Step.TERMINATED: "TerminateProject",
    Step.WITHDRAWN: "WithdrawProject",
}


@dataclass(frozen=True)
class Recorded:
    """A recorded fact that can be told again: its words, and the form that does it."""

    words: str
    command: str
    fields: dict[str, str]
    event_id: str


def choices_for(command: str, answer: ProjectAnswer, t: Texts) -> Mapping[str, Choices]:
    """Choices by field of this command."""
    if command in ("FileApproval", "ReturnApproval", "GrantApproval"):
        items = tuple((each.approval_id, t.either(each.name, each.english)) for each in answer.approvals)
        return {"approval_id": items} if items else {}
    if command == "ReachMilestone":
        items = tuple((m.milestone_id, m.text) for m in answer.milestones if m.kind is MilestoneKind.OTHER)
        return {"milestone_id": items} if items else {}
    if command in ("ApproveRebaseline", "RejectRebaseline"):
        asked = [each for each in answer.baselines if each.number > 1]
        items = tuple((str(each.number), t("project.baseline", number=each.number)) for each in reversed(asked))
        return {"number": items} if items else {}
    if command == "RetractStep":
        taken = {line.step for line in answer.steps if line.on is not None}
        return {"step": tuple((step.value, t(f"step.{step.value}")) for step in Step if step in taken)}
    return {}


def values_for(command: str, answer: ProjectAnswer, given: Mapping[str, Any], correct: bool) -> dict[str, Any]:
    """Values of the fields: of the fact that is corrected, or of what is asked to be decided or planned anew."""
    if command == "RegisterProject":
        return _registration(answer)
    if command == "ReportProgress" and correct:
        return _month(answer, str(given.get("month", "")))
    if command == "SubmitWeeklyReport" and correct:
        return _week(answer, str(given.get("week", "")))
    if command == "ReachMilestone" and correct:
        return _milestone(answer, str(given.get("milestone_id", "")))
    if command in ("SetBaseline", "RequestRebaseline"):
        return _plan(command, answer, given, correct)
    if correct and command in _STEP_COMMANDS.values():
        return _step(command, answer)
    return {}


def _registration(answer: ProjectAnswer) -> dict[str, Any]:
    line = answer.line
    return {
        "occurred_on": answer.registered_on,
        "name": line.name,
        "kind": line.kind,
        "level": line.level,
        "major": "true" if line.major else None,
        "unit_code": answer.registered_unit_code,
        "industry": line.industry,
        "owner": answer.owner,
        "owner_uscc": answer.owner_uscc,
        "owner_uscc_doubtful": "true" if answer.owner_uscc_doubtful else None,
        "total_investment_yuan": line.total_investment_yuan,
        "invested_before_yuan": answer.invested_before_yuan,
        "site": answer.site,
        "area_mu": None if answer.area_mu is None else plain(answer.area_mu),
        "planned_start": line.planned_start,
        "planned_completion": line.planned_completion,
    }


def _month(answer: ProjectAnswer, month: str) -> dict[str, Any]:
    found = next((each for each in answer.months if each.month == month and each.reported_on), None)
    if found is None:
        return {}
    return {
        "physical_percent": None if found.physical_percent is None else plain(found.physical_percent),
        "invested_this_month_yuan": found.invested_yuan,
        "note": found.note,
    }


def _week(answer: ProjectAnswer, week: str) -> dict[str, Any]:
    found = next((each for each in answer.weeks if each.week.isoformat() == week), None)
    if found is None:
        return {}
    return {name: getattr(found, name) for name in ("progress", "problems", "help_needed", "next_week")}


def _milestone(answer: ProjectAnswer, milestone_id: str) -> dict[str, Any]:
    found = next((each for each in answer.milestones if each.milestone_id == milestone_id), None)
    return {} if found is None else {"occurred_on": found.reached_on, "text": found.reached_text}


def _step(command: str, answer: ProjectAnswer) -> dict[str, Any]:
    found = [line for line in answer.steps if _STEP_COMMANDS[line.step] == command and line.on is not None]
    return {"occurred_on": found[-1].on, "reason": found[-1].reason} if found else {}


def _plan(command: str, answer: ProjectAnswer, given: Mapping[str, Any], correct: bool) -> dict[str, Any]:
    """The plan in force to start from; for a first baseline the quarters of the year."""
    wanted = str(given.get("number", "1" if command == "SetBaseline" else ""))
    corrected = next((each for each in answer.baselines if correct and str(each.number) == wanted), None)
    base = corrected or next((each for each in answer.baselines if each.in_force), None)
    if base is None:
        return _first_plan(answer, date.fromisoformat(str(given["occurred_on"])))
    return _plan_values(base)


def _plan_values(base: BaselineLine) -> dict[str, Any]:
    return {
        "plan.starts_on": base.starts_on,
        "plan.starting_yuan": base.starting_yuan,
        "plan.points": [{"by": one.by, "invested_yuan": one.invested_yuan} for one in base.points],
        "plan.milestones": [
            {"milestone_id": one.milestone_id, "text": one.text, "due": one.due, "kind": one.kind.value}
            for one in base.milestones
        ],
    }


def _first_plan(answer: ProjectAnswer, today: date) -> dict[str, Any]:
    ends = [date(today.year, month, day) for month, day in ((3, 31), (6, 30), (9, 30), (12, 31))]
    return {
        "plan.starts_on": date(today.year - 1, 12, 31) if today < ends[0] else today,
        "plan.starting_yuan": answer.invested_before_yuan or 0,
        "plan.points": [{"by": end} for end in ends if end > today],
        "plan.milestones": [
            {"milestone_id": "start", "kind": "start"},
            {"milestone_id": "completion", "kind": "completion"},
        ],
    }


def corrections_of(answer: ProjectAnswer, t: Texts, f: Formats) -> list[Recorded]:
    """What was recorded and can be told again, the latest kinds first."""
    return [
        *_months(answer, t, f),
        *_weeks(answer, t),
        *_milestones(answer, t),
        *_steps(answer, t),
        *_others(answer, t),
    ]


def _months(answer: ProjectAnswer, t: Texts, f: Formats) -> Iterator[Recorded]:
    for line in answer.months:
        if line.source is not None:
            figures = (f.percent(line.physical_percent), f.money(line.invested_yuan))
            words = " · ".join((t("report.month", month=line.month), *figures))
            yield Recorded(words, "ReportProgress", {"month": line.month}, line.source.event_id)


def _weeks(answer: ProjectAnswer, t: Texts) -> Iterator[Recorded]:
    for line in answer.weeks[:6]:
        if line.source is not None:
            words = t("report.week", week=line.week)
            yield Recorded(words, "SubmitWeeklyReport", {"week": line.week.isoformat()}, line.source.event_id)


def _milestones(answer: ProjectAnswer, t: Texts) -> Iterator[Recorded]:
    for line in answer.milestones:
        if line.kind is MilestoneKind.OTHER and line.source is not None and line.reached_on is not None:
            words = f"{t('project.reached')} · {isolated(line.text)} · {line.reached_on}"
            yield Recorded(words, "ReachMilestone", {"milestone_id": line.milestone_id}, line.source.event_id)


def _steps(answer: ProjectAnswer, t: Texts) -> Iterator[Recorded]:
    for line in answer.steps:
        if line.on is not None and line.source is not None:
            words = f"{t(f'step.{line.step.value}')} · {line.on}"
            yield Recorded(words, _STEP_COMMANDS[line.step], {}, line.source.event_id)


def _others(answer: ProjectAnswer, t: Texts) -> Iterator[Recorded]:
    first = next((each for each in answer.baselines if each.number == 1 and each.source), None)
    if first is not None and first.source is not None:
        yield Recorded(t("project.baseline", number=1), "SetBaseline", {}, first.source.event_id)
    if answer.registration is not None:
        words = f"{t('project.registered')} · {answer.registered_on}"
        yield Recorded(words, "RegisterProject", {}, answer.registration.event_id)
