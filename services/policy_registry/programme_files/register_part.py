"""units.toml and posts.toml → the orders of the unit registry."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from services.policy_registry.events import UnitKind, UnitRegister, UnitSpan, members_on
from services.policy_registry.programme_files.checking import register_from
from services.policy_registry.programme_files.orders import Order
from services.policy_registry.programme_files.reading import ProgrammeFileError, read_toml, shaped, tables_of
from services.policy_registry.programme_files.register_shapes import (
    Leaving,
    PostEntry,
    PostsFile,
    Recoding,
    Responsibility,
    UnitEntry,
    UnitsFile,
)
from services.policy_registry.unit_registry import (
    AbolishPost,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)

UNITS, POSTS = "units.toml", "posts.toml"


def register_orders(folder: Path, registry_id: str) -> list[Order]:
    """All orders to the register, in the order of the files; raises ProgrammeFileError."""
    raw = _with_defaults(UNITS, read_toml(folder, UNITS), ("units",), "joined")
    units = [order for entry in shaped(UNITS, raw, UnitsFile).units for order in _unit_orders(entry, registry_id)]
    posts = _posts(folder, register_from(units))
    return units + [order for entry in posts for order in _post_orders(entry, registry_id)]


def _with_defaults(file: str, raw: dict[str, Any], tables: Sequence[str], day: str) -> dict[str, Any]:
    """Entries that do not state their first day take it, with its basis, from `[defaults]`."""
    defaults = raw.pop("defaults", {})
    if not isinstance(defaults, dict):
        raise ProgrammeFileError(file, "defaults", "应为一个表", "must be a table")
    unknown = next((key for key in defaults if key not in (day, "inferred", "basis")), None)
    if unknown is not None:
        raise ProgrammeFileError(file, f"defaults.{unknown}", "未知的键", "unknown key")
    return raw | {
        table: [entry if day in entry else {**defaults, **entry} for entry in tables_of(file, raw, table)]
        for table in tables
    }


def _unit_orders(entry: UnitEntry, registry_id: str) -> Iterator[Order]:
    key = f"units[{entry.id}]"
    join = JoinUnit(
        registry_id=registry_id,
        occurred_on=entry.joined,
        unit_id=entry.id,
        code=entry.code,
        name=entry.name,
        kind=entry.kind,
        scored=entry.scored,
        english=entry.english,
        inferred=entry.inferred,
        basis=entry.basis,
    )
    yield Order(join, entry.joined, UNITS, key)
    for recoding in entry.recoded:
        yield Order(_recode(entry, recoding, registry_id), recoding.on, UNITS, f"{key}.recoded")
    if entry.left is not None:
        yield Order(_leave(entry.id, entry.left, registry_id), entry.left.on, UNITS, f"{key}.left")


def _recode(entry: UnitEntry, recoding: Recoding, registry_id: str) -> RecodeUnit:
    return RecodeUnit(
        registry_id=registry_id,
        occurred_on=recoding.on,
        unit_id=entry.id,
        code=recoding.code,
        name=recoding.name,
        kind=recoding.kind,
        english=recoding.english,
        inferred=recoding.inferred,
        basis=recoding.basis,
    )


def _leave(unit_id: str, leaving: Leaving, registry_id: str) -> LeaveUnit:
    return LeaveUnit(
        registry_id=registry_id,
        occurred_on=leaving.on,
        unit_id=unit_id,
        reason=leaving.reason,
        inferred=leaving.inferred,
        basis=leaving.basis,
    )


def _posts(folder: Path, register: UnitRegister) -> tuple[PostEntry, ...]:
    raw = _with_defaults(POSTS, read_toml(folder, POSTS), ("posts", "posts_of_each"), "since")
    written = [post for each in raw.pop("posts_of_each") for post in _of_each(each, register)]
    return shaped(POSTS, {**raw, "posts": raw["posts"] + written}, PostsFile).posts


def _of_each(template: dict[str, Any], register: UnitRegister) -> Iterator[dict[str, Any]]:
    """One post for every unit of these kinds that belongs on the template's first day."""
    pattern = {**template}
    try:
        kinds = [UnitKind(kind) for kind in pattern.pop("kinds")]
        since = msgspec.convert(pattern.get("since"), date)
    except (KeyError, TypeError, ValueError) as error:
        key = f"posts_of_each[{template.get('id', '?')}]"
        raise ProgrammeFileError(POSTS, key, f"kinds 或 since 有误:{error}", f"kinds or since: {error}") from error
    for unit in members_on(register, since, *kinds):
        yield {**_filled(pattern, unit), "unit": unit.unit_id}


def _filled(value: Any, unit: UnitSpan) -> Any:
    """The value with {unit}, {name} and {code} put in, at every depth."""
    if isinstance(value, str):
        filled = value.replace("{unit}", unit.unit_id).replace("{name}", unit.name)
        return filled.replace("{code}", unit.code)
    if isinstance(value, dict):
        return {key: _filled(inner, unit) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, unit) for inner in value]
    return value


def _post_orders(entry: PostEntry, registry_id: str) -> Iterator[Order]:
    key = f"posts[{entry.id}]"
    establish = EstablishPost(
        registry_id=registry_id,
        occurred_on=entry.since,
        post_id=entry.id,
        unit_id=entry.unit,
        title=entry.title,
        inferred=entry.inferred,
        basis=entry.basis,
    )
    yield Order(establish, entry.since, POSTS, key)
    for charge in entry.responsible_for:
        yield from _charge_orders(entry.id, charge, registry_id, f"{key}.responsible_for[{charge.subject}]")
    if entry.abolished is not None:
        yield Order(_abolish(entry.id, entry.abolished, registry_id), entry.abolished.on, POSTS, f"{key}.abolished")


def _charge_orders(post_id: str, charge: Responsibility, registry_id: str, key: str) -> Iterator[Order]:
    made = MakeResponsible(
        registry_id=registry_id,
        occurred_on=charge.since,
        post_id=post_id,
        subject=charge.subject,
        inferred=charge.inferred,
        basis=charge.basis,
    )
    yield Order(made, charge.since, POSTS, key)
    if charge.until is not None:
        relieved = RelievePost(
            registry_id=registry_id, occurred_on=charge.until, post_id=post_id, subject=charge.subject
        )
        yield Order(relieved, charge.until, POSTS, key)


def _abolish(post_id: str, leaving: Leaving, registry_id: str) -> AbolishPost:
    return AbolishPost(
        registry_id=registry_id,
        occurred_on=leaving.on,
        post_id=post_id,
        reason=leaving.reason,
        inferred=leaving.inferred,
        basis=leaving.basis,
    )
