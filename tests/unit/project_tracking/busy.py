"""A busy life of a project: plausible orders day by day from one seed, some late, some wrong, some corrections."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from services.chassis.domain import Command
from services.project_tracking.events import BaselinePlan, MilestoneKind, PlannedMilestone, PlanPoint, Step
from services.project_tracking.project import commands as c
from tests.unit.project_tracking.world import P

Told = dict[str, Any]
_QUARTERS = (date(2017, 3, 31), date(2017, 6, 30), date(2017, 9, 30), date(2017, 12, 31))


def _month(rng: random.Random, on: date) -> str:
    before = on.replace(day=1) - timedelta(days=1)
    return f"{rng.choice([on, before, before, before]):%Y-%m}"


def _plan(rng: random.Random, on: date) -> BaselinePlan:
    step = rng.randrange(1, 5_000_000)
    return BaselinePlan(
        starts_on=date(2016, 12, 31),
        points=tuple(PlanPoint(by=by, invested_yuan=step * n) for n, by in enumerate(_QUARTERS, start=1)),
        milestones=(
            PlannedMilestone(milestone_id="start", text="开工", due=date(2017, 2, 1), kind=MilestoneKind.START),
            PlannedMilestone(milestone_id="roof", text="封顶", due=on + timedelta(days=rng.randrange(90))),
        ),
    )


def _percent(rng: random.Random, on: date) -> Decimal:
    return Decimal(min(100, on.timetuple().tm_yday * 100 // 330 + rng.randrange(-1, 2) + 1))


_KINDS: list[tuple[int, type[Command], Callable[[random.Random, date], Told]]] = [
    (4, c.FileApproval, lambda rng, on: {"approval_id": rng.choice(["land", "energy"])}),
    (1, c.ReturnApproval, lambda rng, on: {"approval_id": rng.choice(["land", "energy"]), "reason": "缺件"}),
    (4, c.GrantApproval, lambda rng, on: {"approval_id": rng.choice(["land", "energy"])}),
    (5, c.SignProject, lambda rng, on: {}),
    (5, c.StartProject, lambda rng, on: {}),
    (5, c.SetBaseline, lambda rng, on: {"plan": _plan(rng, on)}),
    (2, c.RequestRebaseline, lambda rng, on: {"plan": _plan(rng, on), "reason": "资金"}),
    (2, c.ApproveRebaseline, lambda rng, on: {"number": rng.randrange(2, 4)}),
    (1, c.RejectRebaseline, lambda rng, on: {"number": rng.randrange(2, 4), "reason": "不足"}),
    (2, c.ReachMilestone, lambda rng, on: {"milestone_id": "roof", "text": "封顶"}),
    (
        30,
        c.ReportProgress,
        lambda rng, on: {
            "month": _month(rng, on),
            "physical_percent": _percent(rng, on),
            "invested_this_month_yuan": rng.randrange(3_000_000),
        },
    ),
    (8, c.SubmitWeeklyReport, lambda rng, on: {"week": on - timedelta(days=on.weekday()), "progress": "施工"}),
    (2, c.SuspendProject, lambda rng, on: {"reason": "资金"}),
    (5, c.ResumeProject, lambda rng, on: {}),
    (2, c.CompleteProject, lambda rng, on: {}),
    (2, c.PutIntoProduction, lambda rng, on: {}),
    (1, c.TerminateProject, lambda rng, on: {"reason": "退出"}),
    (1, c.WithdrawProject, lambda rng, on: {"reason": "划出"}),
    (4, c.RetractStep, lambda rng, on: {"step": rng.choice(list(Step)), "reason": "误登"}),
    (12, c.RecordLamp, lambda rng, on: {"month": _month(rng, on)}),
]
_WEIGHTS = [weight for weight, _, _ in _KINDS]


def busy_life(seed: int, orders: int = 120) -> list[Command]:
    """Orders over the year 2017; the same seed gives the same orders."""
    rng = random.Random(seed)
    day, life = date(2017, 1, 1), list[Command]()
    for _ in range(orders):
        day = min(day + timedelta(days=rng.choice([0, 1, 2, 3, 6])), date(2017, 12, 31))
        on = max(date(2017, 1, 1), day - timedelta(days=rng.choice([0] * 8 + [2, 15, 60])))
        _, kind, tell = rng.choices(_KINDS, _WEIGHTS)[0]
        told = tell(rng, on)
        if "correction_reason" in kind.__struct_fields__ and rng.random() < 0.15:
            told["correction_reason"] = "录入有误"
        life.append(kind(**{"project_id": P, "occurred_on": on, **told}))
    return life
