"""How far ahead a project 项目 can be planned."""

from __future__ import annotations

from datetime import date

YEARS = 10
"""Ours: no project of a city's list takes longer, and a later year is a slip of the pen."""


def latest_planned(registered_on: date) -> date:
    """The last day for which anything can be planned: the end of the tenth year after the registration's."""
    return date(min(registered_on.year + YEARS, date.max.year), 12, 31)
