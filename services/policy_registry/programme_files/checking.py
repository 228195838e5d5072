"""Tries a programme's orders on an empty programme and register, and looks after what points from file to file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from services.chassis.domain import DomainError
from services.policy_registry.events import NamedUnit, ProgrammeRecord, UnitRegister, register_after, unit_with_code
from services.policy_registry.programme import PROGRAMME, AdoptProgramme
from services.policy_registry.programme_files.orders import Order
from services.policy_registry.programme_files.reading import ProgrammeFileError
from services.policy_registry.unit_registry import UNIT_REGISTRY, MakeResponsible, RegistryFacts

SOME_DAY = RegistryFacts(today=date.max)
"""A programme may be written before its days come; the store refuses what lies ahead when it is given the orders."""


def register_from(orders: Iterable[Order]) -> UnitRegister:
    """The register that follows from these orders, taken day by day; raises ProgrammeFileError."""
    register = UNIT_REGISTRY.initial
    for order in sorted(orders, key=lambda each: (each.day, each.rank)):
        register = _tried(register, order)
    return register


def check_orders(orders: Sequence[Order]) -> None:
    """Raises ProgrammeFileError when a rule is broken or something points to what isn't there."""
    adoption, *register_orders = orders
    assert isinstance(adoption.command, AdoptProgramme)
    _adopted(adoption)
    register = register_from(register_orders)
    _require_known_units(adoption.command, register)
    known = _subjects(adoption.command)
    for order in register_orders:
        if isinstance(order.command, MakeResponsible):
            _require_known_subject(order, order.command.subject, known, register)


def _tried(register: UnitRegister, order: Order) -> UnitRegister:
    try:
        events = UNIT_REGISTRY.decide(register, order.command, SOME_DAY)
    except DomainError as error:
        raise _broken(order, error) from error
    for event in events:
        register = register_after(register, event)
    return register


def _adopted(order: Order) -> ProgrammeRecord:
    try:
        return PROGRAMME.fold(PROGRAMME.decide(PROGRAMME.initial, order.command, SOME_DAY))
    except DomainError as error:
        raise _broken(order, error) from error


FILE_OF_FIELD = {
    "campaigns": "campaigns.toml",
    "groups": "measures.toml",
    "measures": "measures.toml",
    "phases": "phases.toml",
    "duties": "duties.toml",
    "rule_sets": "rules/",
}


def _broken(order: Order, error: DomainError) -> ProgrammeFileError:
    """The broken rule, at the place where it can be mended."""
    file = FILE_OF_FIELD.get(error.field.partition("[")[0])
    message = f"{error.code}: {error.message}"
    if file is not None:
        return ProgrammeFileError(file, error.field, message, error.english)
    return ProgrammeFileError(order.file, f"{order.key}.{error.field}", message, error.english)


def _require_known_units(command: AdoptProgramme, register: UnitRegister) -> None:
    for measure in command.measures:
        _require_ids("measures.toml", f"measures[{measure.id}].departments", _ids(measure.departments), register.units)
    for duty in command.duties:
        for name, party in (("author", duty.author), ("addressee", duty.addressee)):
            _require_ids("duties.toml", f"duties[{duty.id}].{name}.units", party.units, register.units)
            _require_ids("duties.toml", f"duties[{duty.id}].{name}.posts", party.posts, register.posts)


def _ids(named: Iterable[NamedUnit]) -> tuple[str, ...]:
    return tuple(each.unit_id for each in named)


def _require_ids(file: str, key: str, ids: Iterable[str], known: Iterable[str]) -> None:
    missing = next((each for each in ids if each not in known), None)
    if missing is not None:
        raise ProgrammeFileError(file, key, f"{missing} 不在名录中", f"{missing} is not in the register")


def _subjects(command: AdoptProgramme) -> frozenset[str]:
    return frozenset(
        [f"programme:{command.programme_id}"]
        + [f"campaign:{each.id}" for each in command.campaigns]
        + [f"measure:{each.id}" for each in command.measures]
        + [f"duty:{each.id}" for each in command.duties]
    )


def _require_known_subject(order: Order, subject: str, known: frozenset[str], register: UnitRegister) -> None:
    kind, _, code = subject.partition(":")
    found = unit_with_code(register, code, order.day) is not None if kind == "unit" else subject in known
    if not found:
        chinese, english = f"{subject} 在 {order.day} 不存在", f"there is no {subject} on {order.day}"
        raise ProgrammeFileError(order.file, order.key, chinese, english)
