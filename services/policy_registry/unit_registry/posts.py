"""Posts are established and abolished, made responsible for a subject and relieved of it."""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.domain import Event
from services.policy_registry.events import (
    PostAbolished,
    PostEstablished,
    PostMadeResponsible,
    PostRecord,
    PostRelieved,
    UnitRegister,
)
from services.policy_registry.events.spans import Toggle, alternate, on_day, toggled
from services.policy_registry.unit_registry import rules
from services.policy_registry.unit_registry.commands import (
    AbolishPost,
    EstablishPost,
    MakeResponsible,
    RegistryOrder,
    RelievePost,
)
from services.policy_registry.unit_registry.facts import RegistryFacts


def establish(state: UnitRegister, command: EstablishPost, facts: RegistryFacts) -> Sequence[Event]:
    rules.require_sound_order(command, facts)
    rules.require_member(state, command.unit_id, command.occurred_on)
    record = state.posts.get(command.post_id)
    if record is not None and record.unit_id != command.unit_id:
        raise rules.POST_OF_OTHER_UNIT.broken("unit_id", post_id=record.post_id, unit_id=record.unit_id)
    event = _established(command)
    toggles = () if record is None else record.existence
    return _toggled(command, toggles, event, opens=True, same=record is not None and record.title == command.title)


def _established(command: EstablishPost) -> PostEstablished:
    return PostEstablished(
        occurred_on=command.occurred_on,
        post_id=command.post_id,
        unit_id=command.unit_id,
        title=command.title,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )


def abolish(state: UnitRegister, command: AbolishPost, facts: RegistryFacts) -> Sequence[Event]:
    """A post ends; nothing when it ended on that day already. DomainError: unknown, or abolished on another day."""
    rules.require_sound_order(command, facts)
    record = rules.known_post(state, command.post_id)
    event = PostAbolished(
        occurred_on=command.occurred_on,
        post_id=command.post_id,
        reason=command.reason,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )
    return _toggled(command, record.existence, event, opens=False)


def make_responsible(state: UnitRegister, command: MakeResponsible, facts: RegistryFacts) -> Sequence[Event]:
    """A post takes charge of a subject; nothing when it did so on that day already.

    Raises DomainError where the post is unknown or not in force, its unit is no member, or it has the subject.
    """
    rules.require_sound_order(command, facts)
    record = _post_in_force(state, command)
    event = PostMadeResponsible(
        occurred_on=command.occurred_on,
        post_id=command.post_id,
        subject=command.subject,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )
    return _toggled(command, record.charge(command.subject).toggles, event, opens=True)


def _post_in_force(state: UnitRegister, command: MakeResponsible) -> PostRecord:
    record = rules.known_post(state, command.post_id)
    if not record.exists_on(command.occurred_on):
        raise rules.POST_NOT_IN_FORCE.broken("occurred_on", post_id=record.post_id, day=command.occurred_on)
    rules.require_member(state, record.unit_id, command.occurred_on)
    return record


def relieve(state: UnitRegister, command: RelievePost, facts: RegistryFacts) -> Sequence[Event]:
    """A post gives up a subject; nothing when it did so on that day already. DomainError: it is not responsible."""
    rules.require_sound_order(command, facts)
    charge = rules.known_post(state, command.post_id).charge(command.subject)
    relieved_before = any(not each.opens and each.on == command.occurred_on for each in charge.toggles)
    if command.correction_reason is None and not relieved_before and on_day(charge.spans, command.occurred_on) is None:
        raise rules.NOT_RESPONSIBLE.broken(
            "subject", post_id=command.post_id, subject=command.subject, day=command.occurred_on
        )
    event = PostRelieved(
        occurred_on=command.occurred_on,
        post_id=command.post_id,
        subject=command.subject,
        inferred=command.inferred,
        basis=command.basis,
        correction_reason=command.correction_reason,
        corrects_on=command.corrects_on,
    )
    return _toggled(command, charge.toggles, event, opens=False)


def _toggled(
    command: RegistryOrder, toggles: tuple[Toggle, ...], event: Event, *, opens: bool, same: bool = True
) -> Sequence[Event]:
    """The event, when openings and closings still take turns with it; nothing, when it says nothing new."""
    new = Toggle(command.occurred_on, opens)
    if command.correction_reason is not None:
        rules.require_recorded_for(command, tuple(each.on for each in toggles if each.opens == opens))
    elif new in toggles and same:
        return ()
    elif new in toggles or (toggles and toggles[-1].opens == opens):
        raise rules.ALREADY_RECORDED.broken("occurred_on", day=toggles[-1].on)
    if not alternate(toggled(toggles, new, command.corrects_on)):
        raise rules.FACTS_OUT_OF_ORDER.broken("occurred_on")
    return [event]
