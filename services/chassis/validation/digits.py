"""Decimals as they were written: the digits 0 to 9 alone.

Once read, a number no longer shows in which script (٥٠, 50) or with what between its digits (1_000) it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import inspect

from services.chassis.errors import InvalidRequest, Violation

Look = Callable[[Any, str], None]
"""(plain value of the right type, its path) → None; raises InvalidRequest for the first decimal written otherwise."""


def digits_of(type_: Any) -> Look | None:
    """The look at all decimals that a value of this type can hold; None where it holds none."""
    return _look(inspect.type_info(type_), {})


def _look(info: inspect.Type, seen: dict[type, _StructLook]) -> Look | None:
    if isinstance(info, inspect.DecimalType):
        return _decimal
    if isinstance(info, inspect.Metadata):
        return _look(info.type, seen)
    if isinstance(info, inspect.StructType):
        return _struct(info, seen)
    if isinstance(info, inspect.UnionType):
        return next((found for part in info.types if (found := _look(part, seen))), None)
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return _each(_look(info.item_type, seen))
    if isinstance(info, inspect.DictType):
        return _entries(_look(info.value_type, seen))
    return None


class _StructLook:
    """The looks at a Struct's fields. A Struct may hold its own kind, so they are filled in after it is known."""

    def __init__(self) -> None:
        self.fields: dict[str, Look] = {}

    def __call__(self, value: Any, path: str) -> None:
        if isinstance(value, dict):
            for name, look in self.fields.items():
                if value.get(name) is not None:
                    look(value[name], f"{path}.{name}" if path else name)


def _struct(info: inspect.StructType, seen: dict[type, _StructLook]) -> Look | None:
    if info.cls in seen:
        return seen[info.cls]
    found = seen[info.cls] = _StructLook()
    for field in info.fields:
        look = _look(field.type, seen)
        if look is not None:
            found.fields[field.encode_name] = look
    return found if found.fields else None


def _each(look: Look | None) -> Look | None:
    if look is None:
        return None

    def each(value: Any, path: str) -> None:
        for number, item in enumerate(value):
            look(item, f"{path}[{number}]")

    return each


def _entries(look: Look | None) -> Look | None:
    if look is None:
        return None

    def entries(value: Any, path: str) -> None:
        for item in value.values():
            look(item, f"{path}[...]")

    return entries


def _decimal(value: Any, path: str) -> None:
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        english = "write the number with the digits 0 to 9"
        raise InvalidRequest(Violation(path, "请用半角数字 0–9 填写", english))
