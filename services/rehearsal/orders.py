"""The programme's orders, each on its day: what holds before the first day is told on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from services.chassis.domain import Command
from services.chassis.time.clock import SHANGHAI
from services.policy_registry.events import ProgrammeRecord, rule_set_on
from services.policy_registry.programme import AdoptProgramme
from services.project_tracking.events import ProjectRules
from services.project_tracking.events.adopted_rules import RULE_SET, project_rules
from services.rehearsal.people import CITY
from services.rehearsal.telling import Intention

MORNING = time(8, 0)
"""Orders of a day come before its reports, so that these already stand on them."""


@dataclass(frozen=True)
class Programme:
    """The programme of a folder as orders."""

    orders: Sequence[Command]

    @property
    def adoption(self) -> AdoptProgramme:
        return next(order for order in self.orders if isinstance(order, AdoptProgramme))

    @property
    def first_day(self) -> date:
        """New Year's Day of the programme's year."""
        return date(self.adoption.year, 1, 1)

    @property
    def rules(self) -> ProjectRules:
        """The rules of projects, as the latest of its rule sets say; ValueError without any."""
        published = ProgrammeRecord(rule_sets=self.adoption.rule_sets)
        latest = rule_set_on(published, RULE_SET, date.max)
        if latest is None:
            raise ValueError(f"{self.adoption.programme_id} publishes no rules for projects")
        return project_rules(latest)

    def intentions(self) -> Iterator[Intention]:
        """Each order on the morning of its day, in the order of the folder. The programme itself, with its rules,
        is known from the first day: projects were being built before it was issued."""
        at = datetime.combine(self.first_day, MORNING, SHANGHAI)
        for order in self.orders:
            day: date = self.first_day if isinstance(order, AdoptProgramme) else cast(Any, order).occurred_on
            morning = datetime.combine(max(day, self.first_day), MORNING, SHANGHAI)
            at = max(at + timedelta(seconds=1), morning)
            yield Intention(at, order, CITY)
