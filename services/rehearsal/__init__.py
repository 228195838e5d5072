"""The rehearsal 演练: an invented portfolio lived day by day through the same commands as everyone's.

portfolio (with names, lines, units): what there is · course: what truly happens to a project · telling: who tells
what of it, when, and with which slips · living: the day loop under a set clock · making: the city's stores.

A composer, not a service: it may import every service's commands, and nothing but the command line imports it.
"""

from services.rehearsal.living import RehearsalBroken
from services.rehearsal.making import RehearsalSummary, rehearse

__all__ = ["RehearsalBroken", "RehearsalSummary", "rehearse"]
