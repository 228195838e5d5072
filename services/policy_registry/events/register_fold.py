"""How the register of units and posts follows from its facts. Tolerant: it takes whatever was recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec

from services.chassis.domain import Event
from services.policy_registry.events.records import Charge, Designation, PostRecord, UnitRecord, with_spans
from services.policy_registry.events.register import UnitRegister
from services.policy_registry.events.spans import Toggle, spans_of, toggled
from services.policy_registry.events.unit_registry import (
    PostAbolished,
    PostEstablished,
    PostMadeResponsible,
    PostRelieved,
    UnitJoined,
    UnitLeft,
    UnitRecoded,
)


def register_after(register: UnitRegister, event: Event) -> UnitRegister:
    """The register after one more fact; a fact of another kind changes nothing."""
    evolve = REGISTER_EVOLUTIONS.get(type(event))
    return register if evolve is None else evolve(register, event)


def _unit_joined(register: UnitRegister, event: UnitJoined) -> UnitRegister:
    record = register.units.get(event.unit_id) or UnitRecord(unit_id=event.unit_id)
    joined = Designation(
        on=event.occurred_on,
        code=event.code,
        name=event.name,
        kind=event.kind,
        english=event.english,
        scored=event.scored,
        inferred=event.inferred,
        basis=event.basis,
    )
    membership = toggled(record.membership, Toggle(event.occurred_on, True), event.corrects_on)
    return _keep_unit(register, _designated(record, joined, event.corrects_on, membership))


def _unit_left(register: UnitRegister, event: UnitLeft) -> UnitRegister:
    record = register.units.get(event.unit_id)
    if record is None:
        return register
    membership = toggled(record.membership, Toggle(event.occurred_on, False), event.corrects_on)
    return _keep_unit(register, msgspec.structs.replace(record, membership=membership))


def _unit_recoded(register: UnitRegister, event: UnitRecoded) -> UnitRegister:
    record = register.units.get(event.unit_id)
    if record is None:
        return register
    recoded = Designation(
        on=event.occurred_on,
        code=event.code,
        name=event.name,
        kind=event.kind,
        english=event.english,
        inferred=event.inferred,
        basis=event.basis,
    )
    return _keep_unit(register, _designated(record, recoded, event.corrects_on, record.membership))


def _designated(
    record: UnitRecord, new: Designation, corrects_on: date | None, membership: tuple[Toggle, ...]
) -> UnitRecord:
    wrong = {(corrects_on or new.on, new.joins), (new.on, new.joins)}
    kept = (each for each in record.designations if (each.on, each.joins) not in wrong)
    designations = tuple(sorted((*kept, new), key=lambda each: (each.on, not each.joins)))
    return msgspec.structs.replace(record, designations=designations, membership=membership)


def _keep_unit(register: UnitRegister, record: UnitRecord) -> UnitRegister:
    units = {**register.units, record.unit_id: with_spans(record)}
    return msgspec.structs.replace(register, units=units)


def _post_established(register: UnitRegister, event: PostEstablished) -> UnitRegister:
    record = register.posts.get(event.post_id) or PostRecord(
        post_id=event.post_id, unit_id=event.unit_id, title=event.title
    )
    named = msgspec.structs.replace(record, unit_id=event.unit_id, title=event.title)
    return _existence(register, named, Toggle(event.occurred_on, True), event.corrects_on)


def _post_abolished(register: UnitRegister, event: PostAbolished) -> UnitRegister:
    record = register.posts.get(event.post_id)
    if record is None:
        return register
    return _existence(register, record, Toggle(event.occurred_on, False), event.corrects_on)


def _existence(register: UnitRegister, record: PostRecord, toggle: Toggle, corrects_on: date | None) -> UnitRegister:
    existence = toggled(record.existence, toggle, corrects_on)
    post = msgspec.structs.replace(record, existence=existence, spans=spans_of(existence))
    return msgspec.structs.replace(register, posts={**register.posts, post.post_id: post})


def _post_made_responsible(register: UnitRegister, event: PostMadeResponsible) -> UnitRegister:
    return _charge(register, event, opens=True)


def _post_relieved(register: UnitRegister, event: PostRelieved) -> UnitRegister:
    return _charge(register, event, opens=False)


def _charge(register: UnitRegister, event: PostMadeResponsible | PostRelieved, *, opens: bool) -> UnitRegister:
    record = register.posts.get(event.post_id)
    if record is None:
        return register
    toggles = toggled(record.charge(event.subject).toggles, Toggle(event.occurred_on, opens), event.corrects_on)
    charge = Charge(subject=event.subject, toggles=toggles, spans=spans_of(toggles))
    others = (each for each in record.charges if each.subject != event.subject)
    post = msgspec.structs.replace(record, charges=tuple(sorted((*others, charge), key=lambda each: each.subject)))
    return msgspec.structs.replace(register, posts={**register.posts, post.post_id: post})


REGISTER_EVOLUTIONS: dict[type[Event], Callable[[UnitRegister, Any], UnitRegister]] = {
    UnitJoined: _unit_joined,
    UnitLeft: _unit_left,
    UnitRecoded: _unit_recoded,
    PostEstablished: _post_established,
    PostAbolished: _post_abolished,
    PostMadeResponsible: _post_made_responsible,
    PostRelieved: _post_relieved,
}
