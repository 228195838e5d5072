"""How a programme decides: it is adopted once, amended in numbered steps, and publishes its rule sets.

Until its day of issue it may be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.domain import Decider, Event, Facts, require_not_in_future
from services.policy_registry.events import (
    ProgrammeAdopted,
    ProgrammeAmended,
    ProgrammeRecord,
    ProgrammeText,
    ProgrammeWithdrawn,
    RuleSet,
    RuleSetPublished,
)
from services.policy_registry.events.programme_record import PROGRAMME_EVOLUTIONS, amended_text, text_in_full
from services.policy_registry.programme import rules
from services.policy_registry.programme.commands import (
    AdoptProgramme,
    AmendProgramme,
    PublishRuleSet,
    WithdrawProgramme,
)


def adopt(state: ProgrammeRecord, command: AdoptProgramme, facts: Facts) -> Sequence[Event]:
    event = _adopted(command)
    if state.adopted is not None:
        if event == state.adopted and all(each in state.rule_sets for each in command.rule_sets):
            return ()
        raise rules.PROGRAMME_ALREADY_ADOPTED.broken("programme_id", title=state.adopted.title)
    if command.inferred and command.basis is None:
        raise rules.BASIS_MISSING.broken("basis", id=command.programme_id)
    rules.require_issued_in_our_time(command.issued_on)
    rules.require_sound_text(text_in_full(event))
    return [event, *_published(command)]


def _adopted(command: AdoptProgramme) -> ProgrammeAdopted:
    return ProgrammeAdopted(
        occurred_on=command.issued_on,
        title=command.title,
        city=command.city,
        year=command.year,
        goals=command.goals,
        campaigns=command.campaigns,
        groups=command.groups,
        measures=command.measures,
        phases=command.phases,
        duties=command.duties,
        english=command.english,
        inferred=command.inferred,
        basis=command.basis,
    )


def _published(command: AdoptProgramme) -> list[RuleSetPublished]:
    before: list[RuleSet] = []
    for index, rule_set in enumerate(command.rule_sets):
        rules.require_sound_rule_set(rule_set, f"rule_sets[{index}]")
        rules.require_newer(rule_set, before, f"rule_sets[{index}]")
        before.append(rule_set)
    return [RuleSetPublished(occurred_on=command.issued_on, rule_set=each) for each in before]


def amend(state: ProgrammeRecord, command: AmendProgramme, facts: Facts) -> Sequence[Event]:
    adopted = _require_adopted(state)
    require_not_in_future(command.occurred_on, facts)
    event = _amended(command)
    if event in state.amendments:
        return ()
    expected = len(state.amendments) + 1
    if command.number != expected:
        raise rules.AMENDMENT_NUMBER_NOT_NEXT.broken("number", expected=expected, given=command.number)
    earliest = state.amendments[-1].effective_on if state.amendments else adopted.occurred_on
    if command.effective_on < earliest:
        raise rules.AMENDMENT_TOO_EARLY.broken("effective_on", given=command.effective_on, earliest=earliest)
    _require_sound_amendment(_text_now(state, adopted), event)
    return [event]


def _amended(command: AmendProgramme) -> ProgrammeAmended:
    return ProgrammeAmended(
        occurred_on=command.occurred_on,
        number=command.number,
        reason=command.reason,
        effective_on=command.effective_on,
        campaigns=command.campaigns,
        groups=command.groups,
        measures=command.measures,
        phases=command.phases,
        duties=command.duties,
        withdrawn=command.withdrawn,
    )


def _text_now(state: ProgrammeRecord, adopted: ProgrammeAdopted) -> ProgrammeText:
    text = text_in_full(adopted)
    for amendment in state.amendments:
        text = amended_text(text, amendment)
    return text


def _require_sound_amendment(text: ProgrammeText, event: ProgrammeAmended) -> None:
    brought = text_in_full(event).ids
    if not brought and not event.withdrawn:
        raise rules.AMENDMENT_EMPTY.broken("number")
    rules.require_distinct([*brought, *event.withdrawn], "withdrawn")
    unknown = next((each for each in event.withdrawn if each not in text.ids), None)
    if unknown is not None:
        raise rules.WITHDRAWN_UNKNOWN.broken("withdrawn", id=unknown)
    rules.require_sound_text(amended_text(text, event))


def publish_rule_set(state: ProgrammeRecord, command: PublishRuleSet, facts: Facts) -> Sequence[Event]:
    _require_adopted(state)
    require_not_in_future(command.occurred_on, facts)
    if command.rule_set in state.rule_sets:
        return ()
    rules.require_sound_rule_set(command.rule_set, "rule_set")
    rules.require_newer(command.rule_set, state.rule_sets, "rule_set")
    return [RuleSetPublished(occurred_on=command.occurred_on, rule_set=command.rule_set)]


def withdraw(state: ProgrammeRecord, command: WithdrawProgramme, facts: Facts) -> Sequence[Event]:
    event = ProgrammeWithdrawn(occurred_on=command.occurred_on, reason=command.reason)
    if event == state.withdrawn:
        return ()
    adopted = _require_adopted(state)
    require_not_in_future(command.occurred_on, facts)
    if adopted.occurred_on <= facts.today:
        raise rules.PROGRAMME_IN_FORCE.broken("programme_id", title=adopted.title, since=adopted.occurred_on)
    return [event]


def _require_adopted(state: ProgrammeRecord) -> ProgrammeAdopted:
    if state.adopted is None:
        raise rules.PROGRAMME_UNKNOWN.broken("programme_id")
    return state.adopted


PROGRAMME: Decider[ProgrammeRecord, Facts] = Decider(
    aggregate="programme",
    identity="programme_id",
    initial=ProgrammeRecord(),
    decisions={
        AdoptProgramme: adopt,
        AmendProgramme: amend,
        PublishRuleSet: publish_rule_set,
        WithdrawProgramme: withdraw,
    },
    evolutions=PROGRAMME_EVOLUTIONS,
)
