"""The day loop: everything that is told goes through the gateway at its instant, and each lived day passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from uuid import UUID, uuid5

from services.chassis.auth import system
from services.chassis.commanding.gateway import Call
from services.chassis.deadline import Deadline
from services.chassis.domain import Command, DomainError
from services.chassis.errors import RequestError
from services.chassis.forms.embedded import Embedded
from services.chassis.hosting.passing_time import PassDay
from services.chassis.time.clock import SHANGHAI, SetClock
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.unit_registry.commands import RegistryOrder
from services.rehearsal.telling import Intention

AFTER_MIDNIGHT = time(0, 5)
"""When a day is noted as passed, on the next."""

SECONDS = 60.0
NAMESPACE = UUID("0b0f3f70-7a2f-5d0e-8f65-2c1f3c6f9a41")
"""The namespace of a rehearsal's command ids."""

Progress = Callable[[date, int, int], None]
"""(day lived, days lived, days in all)."""


class RehearsalBroken(Exception):
    """A command of the rehearsal was refused: the rehearsal, or a rule, is wrong."""


class Living:
    """A city that lives day by day. What it is told must come in the order of instants."""

    def __init__(self, city: Embedded, clock: SetClock, seed: int) -> None:
        self._city = city
        self._clock = clock
        self._seed = seed
        self._instant = clock.now()
        self.commands = 0

    def live(self, intentions: Iterable[Intention], first: date, until: date, progress: Progress) -> None:
        """Carry out what is told from the first day to the end of `until`; the views are current afterwards."""
        days = {day: list(told) for day, told in groupby(intentions, key=lambda each: each.at.date())}
        total = (until - first).days + 1
        for number in range(total):
            day = first + timedelta(days=number)
            if number:
                self._pass_day(day - timedelta(days=1))
            self._day(days.get(day, ()))
            progress(day, number + 1, total)
        self._city.settle()

    def _day(self, told: Sequence[Intention]) -> None:
        orders = [each for each in told if _about_the_city(each.command)]
        for intention in orders:
            self._carry_out(intention)
        if orders:
            self._city.settle()
        for intention in told:
            if not _about_the_city(intention.command):
                self._carry_out(intention)

    def _carry_out(self, intention: Intention) -> None:
        self._advance(intention.at)
        self.commands += 1
        command_id = str(uuid5(NAMESPACE, f"{self._seed}/{self.commands}"))
        call = Call(principal=intention.who, deadline=Deadline.after(SECONDS), command_id=command_id)
        try:
            self._city.do(intention.command, call)
        except (DomainError, RequestError) as error:
            raise RehearsalBroken(f"{intention.at} {intention.who.actor} {intention.command}: {error}") from error

    def _pass_day(self, day: date) -> None:
        """Every service's calendar notes the day; what follows from it is recorded before the next morning."""
        self._advance(datetime.combine(day + timedelta(days=1), AFTER_MIDNIGHT, SHANGHAI))
        for name, host in self._city.hosts.items():
            if host.service.keeps_calendar:
                command_id = str(uuid5(NAMESPACE, f"{self._seed}/{name}/{day.isoformat()}"))
                call = Call(principal=system(name), deadline=Deadline.after(SECONDS), command_id=command_id)
                self._city.loop.run(host.bus.execute(PassDay(service=name, day=day), call))
        self._city.settle()

    def _advance(self, to: datetime) -> None:
        """Stand at this instant; when it is the one we stand at, the clock's ticks tell the commands apart."""
        if to > self._instant:
            self._instant = to
            self._clock.advance(to)


def _about_the_city(command: Command) -> bool:
    return isinstance(command, (AdoptProgramme, RegistryOrder))
