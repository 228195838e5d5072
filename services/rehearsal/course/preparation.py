"""From the first talks to the start: the registration, approvals one after another, the signing, the start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from random import Random

from services.project_tracking.events import ApprovalItem, ProjectKind
from services.rehearsal.chance import day_between, maybe, some_days
from services.rehearsal.course.pace import Pace
from services.rehearsal.course.record import Filing, Preparation, Times
from services.rehearsal.portfolio import YI, Phase, Project
from services.rehearsal.season import months_later, out_of_winter, working_day
from services.rehearsal.texts import RETURN_REASONS

DURATIONS = {
    "project_filing": (3, 12),
    "project_proposal": (12, 30),
    "feasibility_approval": (25, 50),
    "preliminary_design_approval": (20, 45),
    "land_prereview": (20, 45),
    "land_planning_permit": (15, 40),
    "environmental_assessment": (30, 60),
    "construction_permit": (10, 25),
}
"""Days an approval takes when it is not returned."""

USUALLY = (15, 40)
LONGEST_RUN = 460
"""Days before the first day at which the oldest running projects were to start."""


def prepare(project: Project, items: Sequence[ApprovalItem], pace: Pace, times: Times, chance: Random) -> Preparation:
    """Dates in order: begun, filed and granted, signed, started; registered when begun, or as carried over."""
    planned_start, lead = _planned_start(project, times, chance)
    begun = planned_start - timedelta(days=lead)
    registered = max(begun, _list_opens(project, times, chance))
    started = max(_started(project, pace.start_after(planned_start), times), begun + timedelta(days=60))
    filings = _filings(project, items, begun, started, chance)
    months = _months_of_building(project.total_yuan, chance)
    signs = project.kind is ProjectKind.INVESTMENT
    dies = project.phase is not Phase.BUILDING and maybe(chance, 0.08)
    return Preparation(
        begun_on=begun,
        registered_on=registered,
        planned_start=planned_start,
        planned_completion=_completion(planned_start, months, chance),
        signed_on=begun + (started - begun) * chance.uniform(0.15, 0.6) if signs else None,
        started_on=started,
        filings=filings,
        invested_before_yuan=_before(project, chance),
        terminated_on=day_between(chance, registered + timedelta(days=50), started) if dies else None,
    )


def _list_opens(project: Project, times: Times, chance: Random) -> date:
    """When the unit puts what it has begun on the list: in the first working days, a weak unit later."""
    within = max(2, min(project.unit.manner.tells_within, 12))
    return working_day(working_day(times.first_day) + some_days(chance, 0, within))


def _planned_start(project: Project, times: Times, chance: Random) -> tuple[date, int]:
    """The planned start and how many days before it the talks began."""
    first, lead = times.first_day, chance.randint(130, 300)
    if project.phase is Phase.BUILDING:
        return out_of_winter(first - some_days(chance, 45, LONGEST_RUN)), chance.randint(130, 200)
    if project.phase is Phase.PREPARING:
        planned = out_of_winter(first + some_days(chance, 60, 330))
        return planned, max(lead, (planned - first).days + 15)
    begun = first + some_days(chance, 12, 300)
    planned = out_of_winter(begun + timedelta(days=lead))
    return planned, (planned - begun).days


def _started(project: Project, started: date, times: Times) -> date:
    """Not in the frost; what is being built on the first day was begun before."""
    if project.phase is Phase.BUILDING:
        return min(started, times.first_day - timedelta(days=20))
    return out_of_winter(started)


def _months_of_building(total: int, chance: Random) -> int:
    """From eight months to three years, by size."""
    size = total / YI
    usual = 8 + 5 * float(size**0.45)
    return max(8, min(36, round(usual * chance.uniform(0.8, 1.25))))


def _completion(start: date, months: int, chance: Random) -> date:
    end = months_later(start, months)
    return end.replace(day=chance.choice((10, 15, 20, 25, 28)))


def _before(project: Project, chance: Random) -> int | None:
    """Land and design, paid before the start; of some nothing is known."""
    share = chance.uniform(0.01, 0.06)
    known = maybe(chance, 0.6)
    return round(project.total_yuan * share / 100_000) * 100_000 if known else None


def _filings(
    project: Project, items: Sequence[ApprovalItem], begun: date, started: date, chance: Random
) -> tuple[Filing, ...]:
    """All rounds, stretched so that the last is granted some days before the start; in the order of their days."""
    rounds = _rounds(project, items, chance)
    span = max(end for _, _, end, _ in rounds)
    first = begun + some_days(chance, 0, 10)
    room = (started - first).days - chance.randint(3, 25)
    filings = [
        _filing(project, item, (first, filed * room // span, ended * room // span), returned, chance)
        for item, filed, ended, returned in rounds
    ]
    return tuple(sorted(filings, key=lambda filing: filing.filed_on))


def _rounds(project: Project, items: Sequence[ApprovalItem], chance: Random) -> list[tuple[str, int, int, bool]]:
    """(item, filed, decided, returned) in days; some are filed while the one before still runs, the last never."""
    rounds: list[tuple[str, int, int, bool]] = []
    cursor = latest = 0
    for item in items:
        filed = (latest if item is items[-1] else cursor) + chance.randint(1, 8)
        if maybe(chance, project.unit.manner.returned):
            returned = filed + chance.randint(5, 14)
            rounds.append((item.approval_id, filed, returned, True))
            filed = returned + chance.randint(4, 18)
        granted = filed + chance.randint(*DURATIONS.get(item.approval_id, USUALLY))
        rounds.append((item.approval_id, filed, granted, False))
        latest = max(latest, granted)
        cursor = filed if maybe(chance, 0.35) else latest
    return rounds


def _filing(project: Project, item: str, when: tuple[date, int, int], returned: bool, chance: Random) -> Filing:
    first, filed, ended = when
    filed_on, ended_on = first + timedelta(days=filed), first + timedelta(days=ended)
    if returned:
        return Filing(item, filed_on, returned_on=ended_on, return_reason=chance.choice(RETURN_REASONS))
    document = f"演批〔{ended_on.year}〕{chance.randint(1, 400)}号" if maybe(chance, 0.85) else None
    return Filing(item, filed_on, granted_on=ended_on, document=document)
