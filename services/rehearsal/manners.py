"""Temperaments of units: how their projects go, and how they report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Manner:
    """Shares are of one. `pace` weighs the four paces of a project (see `course.pace`) at its beginning; `slips`
    and `mends` are how often a project falls back or catches up by one pace in a month.

    `tells_within` are days between a fact and its telling; `boast` is by how much physical progress and forecasts
    run ahead of the money.
    """

    name: str
    share: float
    pace: tuple[float, float, float, float]
    slips: float
    mends: float
    late: float
    missing: float
    tells_within: int
    returned: float
    unplanned: float
    boast: float


MANNERS = (
    Manner("average", 0.40, (0.60, 0.28, 0.09, 0.03), 0.26, 0.40, 0.10, 0.025, 4, 0.12, 0.03, 0.02),
    Manner("good", 0.28, (0.84, 0.14, 0.02, 0.00), 0.12, 0.55, 0.04, 0.004, 2, 0.06, 0.00, 0.00),
    Manner("weak", 0.16, (0.30, 0.32, 0.22, 0.16), 0.28, 0.28, 0.20, 0.080, 10, 0.24, 0.12, 0.03),
    Manner("optimist", 0.16, (0.50, 0.30, 0.14, 0.06), 0.24, 0.34, 0.07, 0.015, 3, 0.14, 0.03, 0.09),
)
"""The first fills up what rounding leaves over."""
