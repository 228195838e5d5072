"""The units that live through the rehearsal, each with a manner of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.chassis.domain import Command
from services.policy_registry.events import UnitRegister, UnitSpan, register_after, scored_on, unit_on
from services.policy_registry.unit_registry import UNIT_REGISTRY, RegistryFacts
from services.rehearsal.chance import stream
from services.rehearsal.manners import MANNERS, Manner


@dataclass(frozen=True)
class Unit:
    """`left_on` is the first day on which the unit no longer belongs; None: it stays."""

    unit_id: str
    code: str
    name: str
    since: date
    left_on: date | None
    manner: Manner


def units_of(orders: Iterable[Command], first_day: date, seed: int) -> tuple[Unit, ...]:
    """The scored units of the first day, by code; which is good and which weak is drawn from the seed."""
    register = _register(orders)
    spans = scored_on(register, first_day)
    manners = _manners(len(spans), seed)
    return tuple(_unit(register, span, manner) for span, manner in zip(spans, manners, strict=True))


def _register(orders: Iterable[Command]) -> UnitRegister:
    register = UNIT_REGISTRY.initial
    some_day = RegistryFacts(today=date.max)
    for order in orders:
        if type(order) in UNIT_REGISTRY.decisions:
            for event in UNIT_REGISTRY.decide(register, order, some_day):
                register = register_after(register, event)
    return register


def _unit(register: UnitRegister, span: UnitSpan, manner: Manner) -> Unit:
    left_on = span.valid_to if span.valid_to and unit_on(register, span.unit_id, span.valid_to) is None else None
    return Unit(span.unit_id, span.code, span.name, span.valid_from, left_on, manner)


def _manners(count: int, seed: int) -> list[Manner]:
    """So many manners in the proportions of the table, shuffled."""
    pool = [manner for manner in MANNERS for _ in range(round(manner.share * count))]
    pool += [MANNERS[0]] * max(0, count - len(pool))
    stream(seed, "manners").shuffle(pool)
    return pool[:count]
