"""When a relay that sends in vain shall let another process lead, by a clock of the test."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from services.chassis.kafka.cut_off import CutOff

Step = Callable[[CutOff], None]

TRIED, WENT_THROUGH = CutOff.tried, CutOff.went_through


class Case(NamedTuple):
    """What happened when (seconds), and whether the patience of 20 s is at its end at second 100."""

    happened: dict[float, Step]
    lasts: bool


CASES = {
    "nothing was tried": Case({}, lasts=False),
    "tried in vain for long": Case({70: TRIED}, lasts=True),
    "tried in vain again and again": Case({70: TRIED, 85: TRIED, 99: TRIED}, lasts=True),
    "tried in vain not long ago": Case({85: TRIED}, lasts=False),
    "something went through in between": Case({10: TRIED, 79: WENT_THROUGH, 85: TRIED}, lasts=False),
    "all went through": Case({10: TRIED, 60: WENT_THROUGH}, lasts=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_patience(case: Case) -> None:
    now = [0.0]
    cut_off = CutOff(20.0, lambda: now[0])
    for now[0], happen in case.happened.items():
        happen(cut_off)
    now[0] = 100.0
    assert cut_off.lasts == case.lasts
