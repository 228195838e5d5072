"""The register of units and posts, and the questions that every service asks it.

A register is a value that turns into JSON and back: services keep it in a reference table and fold it with
`register_after`, the same function that the registry itself folds with.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import msgspec

from services.policy_registry.events.records import PostRecord, UnitRecord, UnitSpan
from services.policy_registry.events.unit_registry import UnitKind


class UnitRegister(msgspec.Struct, frozen=True, kw_only=True):
    """All units and posts ever recorded, by id."""

    units: dict[str, UnitRecord] = {}
    posts: dict[str, PostRecord] = {}


def unit(register: UnitRegister, unit_id: str) -> UnitRecord | None:
    """All that is recorded of a unit, or None when it never joined."""
    return register.units.get(unit_id)


def unit_on(register: UnitRegister, unit_id: str, day: date) -> UnitSpan | None:
    """The unit as it was on that day (its code, name, kind), or None when it did not belong."""
    record = register.units.get(unit_id)
    return None if record is None else record.on(day)


def unit_with_code(register: UnitRegister, code: str, day: date) -> UnitSpan | None:
    """The unit that bore this code on that day, or None. Codes are re-used: never ask without a day."""
    return next((span for span in _on(register, day) if span.code == code), None)


def last_with_code(register: UnitRegister, code: str, day: date) -> UnitSpan | None:
    """The unit that bears this code on that day, or else the one that bore it last; None: nobody has yet."""
    spans = (span for record in register.units.values() for span in record.spans)
    borne = (span for span in spans if span.code == code and span.valid_from <= day)
    return max(borne, key=lambda span: span.valid_from, default=None)


def members_on(register: UnitRegister, day: date, *kinds: UnitKind) -> tuple[UnitSpan, ...]:
    """The units that belonged on that day, of these kinds (none given: of all), by code."""
    members = (span for span in _on(register, day) if not kinds or span.kind in kinds)
    return tuple(sorted(members, key=lambda span: span.code))


def scored_on(register: UnitRegister, day: date) -> tuple[UnitSpan, ...]:
    """The units that are compared and ranked on that day, by code."""
    return tuple(span for span in members_on(register, day) if span.scored)


def responsible_on(register: UnitRegister, subject: str, day: date) -> tuple[PostRecord, ...]:
    """The posts that answered for the subject on that day, by id; a post of a unit that left answers for nothing."""
    posts = (register.posts[post_id] for post_id in sorted(register.posts))
    return tuple(
        post for post in posts if post.charged_on(subject, day) and unit_on(register, post.unit_id, day) is not None
    )


def _on(register: UnitRegister, day: date) -> Iterator[UnitSpan]:
    for record in register.units.values():
        span = record.on(day)
        if span is not None:
            yield span
