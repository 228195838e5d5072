"""A project's steps as they are told: late by the manner of the unit, sometimes wrongly at first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import Any

from services.chassis.auth import Principal
from services.chassis.domain import Command
from services.project_tracking.project import commands as orders
from services.rehearsal import texts
from services.rehearsal.chance import some_days
from services.rehearsal.course import Change, Course, Standstill
from services.rehearsal.course.planning import completion_of
from services.rehearsal.people import CITY, head, staff
from services.rehearsal.portfolio import Project
from services.rehearsal.telling.slips import Slips
from services.rehearsal.telling.step import Step


class Steps:
    """All steps of one course, in the order in which they happened."""

    def __init__(self, project: Project, course: Course, first_day: date, chance: Random) -> None:
        self._project = project
        self._course = course
        self._chance = chance
        self._clerk = staff(project.unit, project.number)
        self._slips = Slips(project, course, first_day, chance)

    def in_order(self) -> list[Step]:
        """The registration, then by the day of happening, up to a termination; one day's steps keep the order in
        which a project lives."""
        ends = self._course.terminated_on or date.max
        registration = list(self._registration())
        lived = (step for step in self._after_registration() if step.happened <= ends)
        return [*registration, *sorted(lived, key=lambda step: step.happened)]

    def _after_registration(self) -> Iterator[Step]:
        course, preparation = self._course, self._course.preparation
        if preparation.signed_on is not None:
            yield self._step(preparation.signed_on, orders.SignProject)
        yield from self._filings()
        if course.planned_on is not None:
            yield self._step(course.planned_on, orders.SetBaseline, plan=course.plan)
        if preparation.terminated_on is None:
            yield from self._slips.false_start(self._step)
            yield from self._start()
        yield from self._milestones()
        yield from self._stands_still(course.standstill)
        yield from self._changes(course.change)
        yield from self._ends()

    def _step(
        self,
        happened: date,
        order: type[Any],
        /,
        who: Principal | None = None,
        within: int | None = None,
        **told: Any,
    ) -> Step:
        """`within`: told at most so many days later; without it as the unit's manner is."""
        most = self._project.unit.manner.tells_within if within is None else within
        command: Command = order(project_id=self._project.project_id, occurred_on=happened, **told)
        return Step(happened, happened + some_days(self._chance, 0, most), command, who or self._clerk)

    def _registration(self) -> Iterator[Step]:
        project, preparation = self._project, self._course.preparation
        facts = {
            "name": project.name,
            "kind": project.kind,
            "level": project.level,
            "major": project.weekly,
            "unit_code": project.unit.code,
            "industry": project.line.industry,
            "owner": project.owner,
            "owner_uscc": project.owner_uscc,
            "total_investment_yuan": project.total_yuan,
            "invested_before_yuan": self._course.invested_before_yuan,
            "site": project.site,
            "planned_start": preparation.planned_start,
            "planned_completion": max(completion_of(self._course.plan), preparation.planned_start),
        }
        yield from self._slips.registration(self._step, facts)

    def _filings(self) -> Iterator[Step]:
        dies = self._course.preparation.terminated_on or date.max
        for filing in self._course.preparation.filings:
            item = filing.approval_id
            if filing.filed_on < dies:
                yield self._step(filing.filed_on, orders.FileApproval, approval_id=item)
            if filing.returned_on is not None and filing.returned_on < dies:
                reason = filing.return_reason
                yield self._step(filing.returned_on, orders.ReturnApproval, approval_id=item, reason=reason)
            if filing.granted_on is not None and filing.granted_on < dies:
                document = filing.document
                yield self._step(filing.granted_on, orders.GrantApproval, approval_id=item, document_number=document)

    def _start(self) -> Iterator[Step]:
        yield from self._slips.start(self._step, self._course.preparation.started_on)

    def _milestones(self) -> Iterator[Step]:
        if self._course.planned_on is None:
            return
        for reached in self._course.reached:
            text = self._chance.choice(texts.SEEN).format(stage=reached.text)
            yield from self._slips.milestone(self._step, reached, text)

    def _stands_still(self, still: Standstill | None) -> Iterator[Step]:
        """The head of the unit answers for it."""
        if still is None:
            return
        who = head(self._project.unit)
        yield self._step(still.suspended_on, orders.SuspendProject, who, reason=still.reason)
        if still.resumed_on is not None:
            yield self._step(still.resumed_on, orders.ResumeProject, who)

    def _changes(self, change: Change | None) -> Iterator[Step]:
        """Asked for by the unit, decided by the city's group on the day."""
        if change is None:
            return
        asked: dict[str, Any] = {"reason": change.reason, "plan": change.plan}
        yield self._step(change.requested_on, orders.RequestRebaseline, within=0, **asked)
        if change.rejection is None:
            yield self._step(change.decided_on, orders.ApproveRebaseline, CITY, 0, number=2)
        else:
            reason = change.rejection
            yield self._step(change.decided_on, orders.RejectRebaseline, CITY, 0, number=2, reason=reason)

    def _ends(self) -> Iterator[Step]:
        course, who = self._course, head(self._project.unit)
        if course.completed_on is not None:
            yield from self._slips.completion(self._step, course.completed_on)
        if course.produced_on is not None:
            yield self._step(course.produced_on, orders.PutIntoProduction)
        if course.terminated_on is not None:
            reason = course.termination_reason
            yield self._step(course.terminated_on, orders.TerminateProject, who, reason=reason)
