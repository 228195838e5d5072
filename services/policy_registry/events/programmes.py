"""Of several programmes the one in force on a day, and the rule sets that hold on it.

A city adopts next year's programme while this year's is in force. Everyone who asks for the programme or for a rule
set of a day asks here, so that a page, a decision and a recorded lamp rest on the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from services.policy_registry.events.programme_record import ProgrammeRecord, rule_set_on
from services.policy_registry.events.rule_sets import RuleSet

Programmes = Mapping[str, ProgrammeRecord]
"""Programmes by id."""


def programme_on(programmes: Programmes, day: date) -> ProgrammeRecord | None:
    """The programme in force on a day: of those issued by then the one issued last (of two on one day the one with
    the greater id); None before the first."""
    return next(iter(_begun(programmes, day)), None)


def rule_set_in_force(programmes: Programmes, rule_set_id: str, day: date) -> RuleSet | None:
    """The rule set that holds on a day: that of the programme in force; where it has none by then, that of the one
    before it. None where no programme has any.

    A rule set may take effect before its programme is issued, because projects were being built before: on the days
    before every programme those of the first one hold.
    """
    for record in _begun(programmes, day) or _in_order(programmes)[:1]:
        found = rule_set_on(record, rule_set_id, day)
        if found is not None:
            return found
    return None


def _begun(programmes: Programmes, day: date) -> list[ProgrammeRecord]:
    """Those issued by the day, the newest first."""
    return [record for record in reversed(_in_order(programmes)) if _issued_on(record) <= day]


def _in_order(programmes: Programmes) -> list[ProgrammeRecord]:
    """Those that are adopted and not taken back, by their day of issue and id."""
    known = [(_issued_on(record), key) for key, record in programmes.items() if record.adopted is not None]
    return [programmes[key] for _, key in sorted(known)]


def _issued_on(record: ProgrammeRecord) -> date:
    """The day of issue; the last of all days for what is not adopted."""
    return record.adopted.occurred_on if record.adopted is not None else date.max
