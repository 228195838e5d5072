"""The order of a project's days 日期先后: checked on the record as it would be, for new facts and corrections alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from services.chassis.domain import DomainError
from services.project_tracking.events.months import month_of
from services.project_tracking.events.plan import BaselinePlan
from services.project_tracking.events.record import ProjectRecord
from services.project_tracking.events.terms import MilestoneKind, ProjectKind, Step
from services.project_tracking.project.rules import (
    END_BEFORE_REPORT,
    GOVERNMENT_SIGNS_NOTHING,
    MILESTONE_BEFORE_START,
    MONTH_BEFORE_REGISTRATION,
    MONTH_BEFORE_START,
    NOT_SIGNED,
    OUT_OF_ORDER,
    STEP_WORDS,
    SUSPENDED,
)

Dated = tuple[tuple[str, str], date | None]
"""The words for a fact in both languages, and its day."""

_WORK = (Step.SIGNED, Step.STARTED, Step.COMPLETED, Step.IN_PRODUCTION)
_ENDS = (Step.TERMINATED, Step.WITHDRAWN)
_OVER = (Step.IN_PRODUCTION, *_ENDS)


def require_order(record: ProjectRecord) -> None:
    """Refuse a record whose days contradict each other; raises DomainError about `occurred_on` (or `kind`)."""
    _require_signing_by_kind(record)
    for earlier, later in _pairs(record):
        require_pair(earlier, later)
    _require_no_step_while_suspended(record)
    _require_reports_in_life(record)
    _require_no_report_after_end(record)
    _require_milestones_after_start(record)


def _require_signing_by_kind(record: ProjectRecord) -> None:
    signed = record.signed_on is not None
    if record.kind is ProjectKind.GOVERNMENT and signed:
        raise GOVERNMENT_SIGNS_NOTHING.broken("kind")
    if record.kind is ProjectKind.INVESTMENT and record.started_on is not None and not signed:
        raise NOT_SIGNED.broken("kind")


def require_pair(earlier: Dated, later: Dated) -> None:
    """Refuse two facts of which the second lies before the first."""
    (words, day), (later_words, later_day) = earlier, later
    if day is not None and later_day is not None and later_day < day:
        raise OUT_OF_ORDER.broken(
            "occurred_on",
            earlier=words[0],
            earlier_en=words[1][:1].lower() + words[1][1:],
            earlier_on=day.isoformat(),
            later=later_words[0],
            later_en=later_words[1],
            later_on=later_day.isoformat(),
        )


def _pairs(record: ProjectRecord) -> Iterator[tuple[Dated, Dated]]:
    """Facts of which the first can't be later than the second.

    Signing, approvals and start may lie before the registration (结转项目); no project ends before it.
    """
    registered = _registered(record)
    signed, started, completed, produced = (_dated(record, step) for step in _WORK)
    yield from ((signed, started), (started, completed), (completed, produced), (registered, produced))
    yield from _suspension_pairs(record, begun(record), completed)
    yield from _approval_pairs(record)
    if record.ended_on is None:
        return
    for end in _recorded(record, _ENDS):
        yield from ((fact, end) for fact in (registered, signed, started, completed, produced))
        yield from ((fact, end) for fact in _suspension_days(record))
    for over in _recorded(record, _OVER):
        yield from ((fact, over) for fact in _milestone_days(record))


def _recorded(record: ProjectRecord, steps: Iterable[Step]) -> list[Dated]:
    return [_dated(record, step) for step in steps if record.step_on(step) is not None]


def begun(record: ProjectRecord) -> Dated:
    """The registration or the start, whichever is earlier: what happens on the site comes after it."""
    registered, started = _registered(record), _dated(record, Step.STARTED)
    return started if record.started_on is not None and record.started_on < record.registered_on else registered


def _registered(record: ProjectRecord) -> Dated:
    return ("登记", "The registration"), record.registered_on


def _dated(record: ProjectRecord, step: Step) -> Dated:
    return STEP_WORDS[step], record.step_on(step)


def _milestone_days(record: ProjectRecord) -> Iterator[Dated]:
    for milestone_id, reached in record.milestones_reached.items():
        yield (f"节点 {milestone_id} 完成", f"The milestone {milestone_id}"), reached.reached_on


def _suspension_days(record: ProjectRecord) -> Iterator[Dated]:
    for _, suspension in sorted(record.suspensions.items()):
        yield STEP_WORDS[Step.SUSPENDED], suspension.suspended_on
        yield STEP_WORDS[Step.RESUMED], suspension.resumed_on


def _suspension_pairs(record: ProjectRecord, before: Dated, completed: Dated) -> Iterator[tuple[Dated, Dated]]:
    for day in _suspension_days(record):
        yield before, day
        yield day, completed
        before = day


def _approval_pairs(record: ProjectRecord) -> Iterator[tuple[Dated, Dated]]:
    """Only of days that there are: most approvals are filed once and granted."""
    for rounds in record.approvals.values():
        before: Dated | None = None
        for _, one in sorted(rounds.items()):
            filed: Dated = (("申报", "The filing"), one.filed_on)
            if before is not None:
                yield before, filed
            before = None
            if one.returned_on is not None:
                before = (("退回", "The return"), one.returned_on)
                yield filed, before
            if one.granted_on is not None:
                yield filed, (("通过", "The approval"), one.granted_on)


def _require_no_step_while_suspended(record: ProjectRecord) -> None:
    for step in _WORK if record.suspensions else ():
        on = record.step_on(step)
        since = None if on is None else _suspended_since(record, on)
        if on is not None and since is not None:
            words, english = STEP_WORDS[step]
            raise SUSPENDED.broken(
                "occurred_on",
                given=on.isoformat(),
                since=since.isoformat(),
                step=words,
                step_en=english.lower(),
            )


def _suspended_since(record: ProjectRecord, on: date) -> date | None:
    """The first day of the suspension that covers the day; its own first day is still free for a step."""
    covering = (s.suspended_on for s in record.suspensions.values() if s.covers(on, on))
    return next((since for since in covering if since is not None and since < on), None)


def _require_reports_in_life(record: ProjectRecord) -> None:
    first = min(record.progress, default=None)
    if first is not None:
        require_month_in_life(record, first, "occurred_on")


def _require_no_report_after_end(record: ProjectRecord) -> None:
    """Months are reported up to the completion's or the end's, weeks to the end's, milestones are reached before it."""
    if record.completed_on is None and record.ended_on is None:
        return
    month, week = max(record.progress, default=None), max(record.weekly_reports, default=None)
    for step in (Step.COMPLETED, *_OVER):
        on = record.step_on(step)
        if on is not None and month is not None and month > month_of(on):
            raise _reported_after(step, on, f" {month} 月报", f"the report of {month}")
        if on is not None and week is not None and step is not Step.COMPLETED and week > on:
            raise _reported_after(step, on, f" {week} 周报", f"the report of the week of {week}")


def _reported_after(step: Step, on: date, reported: str, english: str) -> DomainError:
    words, words_en = STEP_WORDS[step]
    return END_BEFORE_REPORT.broken(
        "occurred_on", end=words, end_en=words_en, end_on=on.isoformat(), reported=reported, reported_en=english
    )


def _require_milestones_after_start(record: ProjectRecord) -> None:
    """What every plan puts after the start can't have been reached before it."""
    started = record.started_on
    for milestone_id, reached in record.milestones_reached.items():
        if started is not None and reached.reached_on < started and follows_start(record, milestone_id):
            raise MILESTONE_BEFORE_START.broken(
                "occurred_on",
                milestone_id=milestone_id,
                reached=reached.reached_on.isoformat(),
                started=started.isoformat(),
            )


def follows_start(record: ProjectRecord, milestone_id: str) -> bool:
    """Whether each plan that names the milestone has it due after the start's; without a start's milestone the project
    had started when the plan was made. Work on the site before the start (场地平整) has its day before it."""
    plans = (baseline.plan for baseline in record.baselines.values())
    dues = [(_due(plan, milestone_id), _start_due(plan)) for plan in plans]
    named = [(due, start) for due, start in dues if due is not None]
    return bool(named) and all(start is None or due > start for due, start in named)


def _due(plan: BaselinePlan, milestone_id: str) -> date | None:
    return next((one.due for one in plan.milestones if one.milestone_id == milestone_id), None)


def _start_due(plan: BaselinePlan) -> date | None:
    return next((one.due for one in plan.milestones if one.kind is MilestoneKind.START), None)


def require_month_in_life(record: ProjectRecord, month: str, field: str) -> None:
    """Refuse a reported month before the start's or the registration's; raises DomainError about `field`."""
    started, registered = record.started_on, month_of(record.registered_on)
    if started is not None and month < month_of(started):
        raise MONTH_BEFORE_START.broken(field, month=month, started=month_of(started))
    if month < registered:
        raise MONTH_BEFORE_REGISTRATION.broken(field, month=month, registered=registered)


def holds_together(record: ProjectRecord) -> bool:
    """Whether every step has the step (or report its start) that it rests on: asked before a retraction."""
    started, completed = record.started_on, record.completed_on
    return not (
        (completed is not None and started is None)
        or (record.in_production_on is not None and completed is None)
        or (bool(record.progress) and started is None)
        or (started is None and any(follows_start(record, reached) for reached in record.milestones_reached))
    )
