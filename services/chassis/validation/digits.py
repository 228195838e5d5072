"""Decimals as they were written: the digits 0 to 9 alone.

Once read, a number no longer shows in which script (٥٠, 50) or with what between its digits (1_000) it was written.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation.checks import Check, Seen, each, entries, fields


def digits_of(type_: Any) -> Check | None:
    """The look at all decimals that a plain value for this type can hold; None where it holds none."""
    return _look(inspect.type_info(type_), {})


def _look(info: inspect.Type, seen: Seen) -> Check | None:
    if isinstance(info, inspect.DecimalType):
        return _decimal
    if isinstance(info, inspect.Metadata):
        return _look(info.type, seen)
    if isinstance(info, inspect.StructType):
        return fields(info, seen, _look, of="plain")
    if isinstance(info, inspect.UnionType):
        return next((found for part in info.types if (found := _look(part, seen))), None)
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return each(_look(info.item_type, seen))
    if isinstance(info, inspect.DictType):
        return entries(None, _look(info.value_type, seen))
    return None


def _decimal(value: Any, path: str) -> None:
    if isinstance(value, str) and (not value.isascii() or "_" in value):
        english = "write the number with the digits 0 to 9"
        raise InvalidRequest(Violation(path, "请用半角数字 0–9 填写", english))
