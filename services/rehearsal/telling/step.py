"""A step as somebody means to tell it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from services.chassis.auth import Principal
from services.chassis.domain import Command


@dataclass(frozen=True)
class Step:
    """Something to tell: on which day it happened, on which it is told at the earliest.

    `aside`: told apart from the others, any time after the step before it (a correction holds nobody up).
    """

    happened: date
    told: date
    command: Command
    who: Principal
    aside: bool = False

    def corrects(self, first: Step, after: timedelta) -> Step:
        """This step as the correction of `first`, so much later."""
        return replace(self, happened=first.happened, told=first.told + after, aside=True)
