"""What the register keeps of one unit and of one post: the dated facts, and the spans derived from them.

Everything here is immutable and turns into JSON and back (msgspec), so that a service can keep it in a table.
"""

from __future__ import annotations

from datetime import date

import msgspec

from services.policy_registry.events.spans import Span, Toggle, covers, on_day, spans_of
from services.policy_registry.events.unit_registry import UnitKind


class Designation(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit is called from `on`: when it joined, and at each new code or name. `scored` only when it joined."""

    on: date
    code: str
    name: str
    kind: UnitKind
    english: str | None = None
    scored: bool | None = None
    inferred: bool = False
    basis: str | None = None

    @property
    def joins(self) -> bool:
        return self.scored is not None


class UnitSpan(msgspec.Struct, frozen=True, kw_only=True):
    """The unit as it was from `valid_from` up to, not including, `valid_to` (None: until now)."""

    unit_id: str
    code: str
    name: str
    kind: UnitKind
    scored: bool
    valid_from: date
    valid_to: date | None = None
    english: str | None = None
    inferred: bool = False
    basis: str | None = None


class UnitRecord(msgspec.Struct, frozen=True, kw_only=True):
    unit_id: str
    membership: tuple[Toggle, ...] = ()
    designations: tuple[Designation, ...] = ()
    spans: tuple[UnitSpan, ...] = ()

    def on(self, day: date) -> UnitSpan | None:
        """The unit as it was on that day; None when it did not belong."""
        return on_day(self.spans, day)


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A subject that a post was made responsible for or relieved of, by day."""

    subject: str
    toggles: tuple[Toggle, ...]
    spans: tuple[Span, ...]


class PostRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A post of a unit. It counts on a day when it exists and its unit belongs."""

    post_id: str
    unit_id: str
    title: str
    existence: tuple[Toggle, ...] = ()
    spans: tuple[Span, ...] = ()
    charges: tuple[Charge, ...] = ()

    def exists_on(self, day: date) -> bool:
        return on_day(self.spans, day) is not None

    def charge(self, subject: str) -> Charge:
        """What was recorded of the post and this subject; empty when nothing was."""
        found = (each for each in self.charges if each.subject == subject)
        return next(found, Charge(subject=subject, toggles=(), spans=()))

    def charged_on(self, subject: str, day: date) -> bool:
        return self.exists_on(day) and on_day(self.charge(subject).spans, day) is not None


def with_spans(record: UnitRecord) -> UnitRecord:
    """The record with its spans derived anew: each membership cut at every new code or name."""
    spans = [span for period in spans_of(record.membership) for span in _cut(record, period)]
    return msgspec.structs.replace(record, spans=tuple(spans))


def _cut(record: UnitRecord, period: Span) -> list[UnitSpan]:
    called = [each for each in record.designations if covers(period, each.on)]
    scored = next((each.scored for each in called if each.scored is not None), False)
    ends = [*(each.on for each in called[1:]), period.valid_to]
    return [_span(record.unit_id, each, scored, end) for each, end in zip(called, ends, strict=False)]


def _span(unit_id: str, called: Designation, scored: bool, valid_to: date | None) -> UnitSpan:
    return UnitSpan(
        unit_id=unit_id,
        code=called.code,
        name=called.name,
        kind=called.kind,
        scored=scored,
        valid_from=called.on,
        valid_to=valid_to,
        english=called.english,
        inferred=called.inferred,
        basis=called.basis,
    )
