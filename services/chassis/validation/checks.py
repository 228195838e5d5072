"""Checks of a value's parts, of which the check of the whole is made; each knows the path of what it looks at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import inspect

Check = Callable[[Any, str], None]
"""(value, its path) → None; raises InvalidRequest for the first thing that is wrong."""


class FieldChecks:
    """The checks of a Struct's fields. A Struct may hold its own kind, so they are filled in after it is known."""

    def __init__(self, read: Callable[[Any, str], Any]) -> None:
        self._read = read
        self.fields: list[tuple[str, str, Check]] = []

    def __call__(self, value: Any, path: str) -> None:
        prefix = f"{path}." if path else ""
        read = self._read
        for key, name, check in self.fields:
            item = read(value, key)
            if item is not None:
                check(item, prefix + name)


Seen = dict[type, FieldChecks]


def fields(
    info: inspect.StructType,
    seen: Seen,
    check_of: Callable[[inspect.Type, Seen], Check | None],
    *,
    of: Literal["struct", "plain"],
) -> Check | None:
    """The check of a Struct, or of the plain mapping that it is to be read from, by those of its fields; None where
    none needs one. A field without a value is not looked at."""
    if info.cls in seen:
        return seen[info.cls]
    found = seen[info.cls] = FieldChecks(getattr if of == "struct" else _from_plain)
    for field in info.fields:
        check = check_of(field.type, seen)
        if check is not None:
            key = field.name if of == "struct" else field.encode_name
            found.fields.append((key, field.encode_name, check))
    return found if found.fields else None


def _from_plain(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def each(check: Check | None) -> Check | None:
    """The check of a list by that of its items; None where those need none."""
    if check is None:
        return None

    def each_item(value: Any, path: str) -> None:
        for number, item in enumerate(value or ()):
            check(item, f"{path}[{number}]")

    return each_item


def entries(key_check: Check | None, value_check: Check | None) -> Check | None:
    """The check of a mapping by those of its keys and values, whose paths don't name the key, which may be anything;
    None where neither needs one."""
    if key_check is None and value_check is None:
        return None

    def each_entry(value: Any, path: str) -> None:
        for key, item in value.items():
            if key_check is not None:
                key_check(key, f"{path}[...]")
            if value_check is not None:
                value_check(item, f"{path}[...]")

    return each_entry
