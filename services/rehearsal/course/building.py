"""A project from its first plan to its end, drawn month by month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from services.project_tracking.events import ApprovalItem, BaselinePlan, MilestoneKind, planned_at
from services.rehearsal.chance import day_between, maybe, some_days
from services.rehearsal.course.pace import BEHIND, SLOW, Pace
from services.rehearsal.course.past import WAN, behind
from services.rehearsal.course.planning import completion_of, milestones_of, moved, plan_of
from services.rehearsal.course.preparation import prepare
from services.rehearsal.course.record import Change, Course, Month, Preparation, Reached, Standstill, Times
from services.rehearsal.portfolio import Phase, Project
from services.rehearsal.season import first_day, last_day, month_before, month_of, months_from, next_month
from services.rehearsal.texts import CHANGE_REASONS, REJECTIONS, STANDSTILL_REASONS, TERMINATION_REASONS


def build(project: Project, items: Sequence[ApprovalItem], times: Times, chance: Random) -> Course:
    """The whole course of a project, up to the horizon."""
    pace = Pace(project.unit.manner, chance)
    preparation = prepare(project, items, pace, times, chance)
    return _Building(project, preparation, pace, times, chance).live()


class _Building:
    """One project while its course is drawn."""

    def __init__(self, project: Project, preparation: Preparation, pace: Pace, times: Times, chance: Random) -> None:
        self._project = project
        self._pace = pace
        self._times = times
        self._chance = chance
        past = behind(project, preparation, times, chance)
        self._done = (preparation.invested_before_yuan or 0) + past.invested_yuan
        self._physical = past.physical_percent
        self.course = self._planned(preparation)
        self._plans = [(date.min, self.course.plan)]

    def live(self) -> Course:
        """Month by month from the start, or from the first day, to the end or the horizon."""
        course, started = self.course, self.course.preparation.started_on
        if course.preparation.terminated_on is not None:
            self._terminate(course.preparation.terminated_on)
            return course
        course.standstill = self._standstill()
        for month in months_from(month_of(max(started, self._times.first_day)), month_of(self._times.horizon)):
            self._month(month)
            if course.completed_on or course.terminated_on:
                break
        return self._consistent()

    def _consistent(self) -> Course:
        """What was meant to come after the end did not."""
        course = self.course
        ended = course.completed_on or course.terminated_on or date.max
        if course.standstill is not None and course.standstill.suspended_on >= ended:
            course.standstill = None
        if course.change is not None and course.change.decided_on >= ended:
            course.change = None
        return course

    def _planned(self, preparation: Preparation) -> Course:
        """The course with its first plan, made before the year or soon after the registration."""
        building = self._project.phase is Phase.BUILDING
        first_month = month_of(self._times.first_day if building else preparation.planned_start)
        completion = preparation.planned_completion
        if building:
            completion = max(completion, self._times.first_day + some_days(self._chance, 50, 200))
        milestones = milestones_of(self._project.line.stages, preparation.planned_start, completion, self._chance)
        if building:
            milestones = [m for m in milestones if m.due > self._times.first_day]
        plan = plan_of(first_month, self._done, self._project.total_yuan, completion, milestones)
        told = self._done if building else preparation.invested_before_yuan
        return Course(preparation, told, planned_on=self._planned_on(preparation), plan=plan)

    def _planned_on(self, preparation: Preparation) -> date | None:
        """A plan follows soon upon the talks, or comes with the registration; weak units leave some without any."""
        planned = not maybe(self._chance, self._project.unit.manner.unplanned)
        soon = preparation.begun_on + some_days(self._chance, 10, 35)
        return max(soon, preparation.registered_on) if planned else None

    def _standstill(self) -> Standstill | None:
        """Few projects stand still for one to four months of the year."""
        share = 0.06 + 0.04 * self._pace.now
        if not maybe(self._chance, share):
            return None
        earliest = max(self.course.preparation.started_on + timedelta(days=35), self._times.first_day)
        suspended = earliest + some_days(self._chance, 50, 220)
        resumed = suspended + some_days(self._chance, 33, 125)
        reason = self._chance.choice(STANDSTILL_REASONS)
        return Standstill(suspended, reason, None if maybe(self._chance, 0.12) else resumed)

    def _month(self, month: str) -> None:
        self._pace.next_month()
        still = self._still_days(month)
        if still >= last_day(month).day:
            self._maybe_given_up(month)
            return
        if not still and self._completes(month):
            self._complete(month)
        else:
            self._go_on(month, slowed=still > 0)
        self._reach_milestones(month)
        self._maybe_change_plan(month)

    def _still_days(self, month: str) -> int:
        """Days of the month on which the site stood still."""
        still = self.course.standstill
        if still is None:
            return 0
        first = max(still.suspended_on, first_day(month))
        last = min(still.resumed_on or date.max, last_day(month) + timedelta(days=1))
        return max(0, (last - first).days)

    def _maybe_given_up(self, month: str) -> None:
        still = self.course.standstill
        if still is not None and still.resumed_on is None and maybe(self._chance, 0.2):
            self._terminate(day_between(self._chance, first_day(month), last_day(month)))

    def _terminate(self, on: date) -> None:
        self.course.terminated_on = on
        self.course.termination_reason = self._chance.choice(TERMINATION_REASONS)

    def _go_on(self, month: str, *, slowed: bool) -> None:
        """Invest towards the plan, as far as the pace goes; physical progress follows, and may boast."""
        target = planned_at(self._plan_on(last_day(month)), last_day(month)) * self._pace.ratio()
        least = self._project.total_yuan * self._chance.uniform(0.001, 0.004)
        growth = max(target - self._done, least) * (0.3 if slowed else 1.0)
        room = max(0.0, self._project.total_yuan * 0.985 - self._done)
        self._report(month, int(min(growth, room)) // WAN * WAN, self._boasted())

    def _boasted(self) -> float:
        """What physical progress is over the share of the money, in the manner of the unit."""
        return (1 + self._project.unit.manner.boast) * self._chance.uniform(0.97, 1.02)

    def _report(self, month: str, invested: int, factor: float) -> None:
        self._done += invested
        percent = min(97.5, 100 * self._done / self._project.total_yuan * factor)
        self._physical = max(self._physical, Decimal(round(percent * 10)).scaleb(-1))
        self.course.months.append(Month(month, invested, self._physical, self._pace.now))

    def _completes(self, month: str) -> bool:
        due = completion_of(self._plan_on(last_day(month)))
        return self._pace.now <= SLOW and due <= last_day(month) + timedelta(days=3)

    def _complete(self, month: str) -> None:
        due = completion_of(self._plan_on(last_day(month)))
        wished = max(due + some_days(self._chance, -8, 7), first_day(month) + some_days(self._chance, 3, 18))
        self.course.completed_on = completed = min(wished, last_day(month))
        final = int(self._project.total_yuan * self._chance.uniform(0.95, 1.03)) // WAN * WAN
        self.course.months.append(Month(month, max(0, final - self._done), Decimal(100), self._pace.now))
        if maybe(self._chance, 0.85):
            self.course.produced_on = completed + some_days(self._chance, 45, 130)

    def _plan_on(self, day: date) -> BaselinePlan:
        return next(plan for since, plan in reversed(self._plans) if since <= day)

    def _reach_milestones(self, month: str) -> None:
        """What falls due in the month is reached sooner or later; at the completion all is."""
        known = {reached.milestone_id for reached in self.course.reached}
        completed = self.course.completed_on
        for milestone in self._plan_on(last_day(month)).milestones:
            open_ = milestone.kind is MilestoneKind.OTHER and milestone.milestone_id not in known
            if open_ and (completed or milestone.due <= last_day(month)):
                on = self._reached_on(self._pace.milestone_after(milestone.due))
                self.course.reached.append(Reached(milestone.milestone_id, milestone.text, on))
        if completed:
            self.course.reached = [self._by_completion(reached, completed) for reached in self.course.reached]

    def _reached_on(self, day: date) -> date:
        """Not before the work began, not while it stood still."""
        still = self.course.standstill
        if still is not None and still.suspended_on <= day < (still.resumed_on or date.max):
            day = (still.resumed_on or self._times.horizon) + some_days(self._chance, 8, 30)
        return max(day, self.course.preparation.started_on + timedelta(days=8), self._times.first_day)

    def _by_completion(self, reached: Reached, completed: date) -> Reached:
        if reached.reached_on <= completed:
            return reached
        return Reached(reached.milestone_id, reached.text, completed - some_days(self._chance, 1, 12))

    def _maybe_change_plan(self, month: str) -> None:
        """Who lags for long, or stood still, asks for another plan, once."""
        still = self.course.standstill
        resumed = still is not None and still.resumed_on is not None and month_of(still.resumed_on) == month
        lags = self._pace.months_behind >= 2 and self._pace.now >= BEHIND
        asks = (resumed and maybe(self._chance, 0.8)) or (lags and maybe(self._chance, 0.35))
        ended = self.course.completed_on or self.course.planned_on is None
        if asks and not ended and self.course.change is None and month >= month_of(self._times.first_day):
            self._change_plan(next_month(month))

    def _change_plan(self, month: str) -> None:
        old, later = self._plan_on(last_day(month_before(month))), self._chance.randint(2, 6)
        requested = first_day(month) + some_days(self._chance, 7, 15)
        reached = {each.milestone_id for each in self.course.reached if each.reached_on < requested}
        milestones = moved(old, reached, later, self._chance)
        completion = next(m.due for m in milestones if m.kind is MilestoneKind.COMPLETION)
        plan = plan_of(month, self._done, self._project.total_yuan, completion, milestones)
        decided = requested + some_days(self._chance, 6, 18)
        refused = self._chance.choice(REJECTIONS) if maybe(self._chance, 0.35) else None
        self.course.change = Change(requested, self._chance.choice(CHANGE_REASONS), plan, decided, refused)
        if refused is None:
            self._plans.append((decided, plan))
            self._pace.relieve()
