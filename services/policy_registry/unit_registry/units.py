"""Units join, leave and take new codes. Each decision looks at the register as it would be afterwards."""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.domain import Event
from services.policy_registry.events import (
    UnitJoined,
    UnitLeft,
    UnitRecoded,
    UnitRecord,
    UnitRegister,
    register_after,
)
from services.policy_registry.unit_registry import rules
from services.policy_registry.unit_registry.commands import JoinUnit, LeaveUnit, RecodeUnit
from services.policy_registry.unit_registry.facts import RegistryFacts


def join(state: UnitRegister, command: JoinUnit, facts: RegistryFacts) -> Sequence[Event]:
    """A unit joins, also again after it left; nothing when the register says all this already.

    Raises DomainError where it is a member, would join before it left, or its code is ill-formed or another unit's.
    """
    rules.require_sound_order(command, facts)
    rules.require_code_form(command.kind, command.code)
    event = _joined(command)
    record = state.units.get(command.unit_id)
    if record is not None and _recorded(state, event, command.unit_id):
        return ()
    if command.correction_reason is not None:
        joined = tuple(each.on for each in rules.known_unit(state, command.unit_id).membership if each.opens)
        rules.require_recorded_for(command, joined)
    elif record is not None:
        _require_gone(record, command)
    return _sound(state, event, command.unit_id)


def _joined(command: JoinUnit) -> UnitJoined:
    return UnitJoined(
        occurred_on=command.occurred_on,
        unit_id=command.unit_id,
        code=command.code,
        name=command.name,
        kind=command.kind,
        scored=command.scored,
        english=command.english,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )


def _require_gone(record: UnitRecord, command: JoinUnit) -> None:
    last = record.membership[-1]
    if last.opens:
        raise rules.ALREADY_RECORDED.broken("unit_id", day=last.on)
    if command.occurred_on < last.on:
        raise rules.UNIT_JOINS_TOO_EARLY.broken(
            "occurred_on", unit_id=record.unit_id, since=last.on, day=command.occurred_on
        )


def leave(state: UnitRegister, command: LeaveUnit, facts: RegistryFacts) -> Sequence[Event]:
    """A unit leaves; nothing when it left on that day already.

    Raises DomainError where it is unknown, left on another day, or would leave by the day of its latest join or code.
    """
    rules.require_sound_order(command, facts)
    event = _left(command)
    record = rules.known_unit(state, command.unit_id)
    left = tuple(each.on for each in record.membership if not each.opens)
    if command.correction_reason is not None:
        rules.require_recorded_for(command, left)
        return _sound(state, event, command.unit_id)
    last = record.membership[-1]
    if not last.opens:
        if last.on == command.occurred_on:
            return ()
        raise rules.ALREADY_RECORDED.broken("occurred_on", day=last.on)
    since = record.spans[-1].valid_from
    if command.occurred_on <= since:
        raise rules.UNIT_LEFT_BEFORE_JOINED.broken("occurred_on", day=command.occurred_on, since=since)
    return _sound(state, event, command.unit_id)


def _left(command: LeaveUnit) -> UnitLeft:
    return UnitLeft(
        occurred_on=command.occurred_on,
        unit_id=command.unit_id,
        reason=command.reason,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )


def recode(state: UnitRegister, command: RecodeUnit, facts: RegistryFacts) -> Sequence[Event]:
    """A member takes a new code; name, kind and English name stay where the command is silent. Nothing new: no event.

    Raises DomainError where it is no member on the day, was recoded on it, or the code is another unit's.
    """
    rules.require_sound_order(command, facts)
    span = rules.require_member(state, command.unit_id, command.corrects_on or command.occurred_on)
    event = UnitRecoded(
        occurred_on=command.occurred_on,
        unit_id=command.unit_id,
        code=command.code,
        name=command.name or span.name,
        kind=command.kind or span.kind,
        english=command.english or span.english,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )
    rules.require_code_form(event.kind, event.code)
    if (span.code, span.name, span.kind) == (event.code, event.name, event.kind) and command.corrects_on is None:
        return ()
    return _recoded(state, command, event)


def _recoded(state: UnitRegister, command: RecodeUnit, event: UnitRecoded) -> Sequence[Event]:
    called = state.units[command.unit_id].designations
    if command.correction_reason is not None:
        rules.require_recorded_for(command, tuple(each.on for each in called if not each.joins))
    elif command.occurred_on in [each.on for each in called]:
        raise rules.ALREADY_RECORDED.broken("occurred_on", day=command.occurred_on)
    return _sound(state, event, command.unit_id)


def _recorded(state: UnitRegister, event: Event, unit_id: str) -> bool:
    """Whether the register says all this already."""
    return register_after(state, event).units[unit_id] == state.units[unit_id]


def _sound(state: UnitRegister, event: Event, unit_id: str) -> Sequence[Event]:
    """The event, when the register that follows from it is in order."""
    after = register_after(state, event)
    rules.require_in_order(after.units[unit_id])
    rules.require_codes_apart(after, unit_id)
    return [event]
