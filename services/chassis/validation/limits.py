"""Limits that every value from outside keeps to, beyond what its Struct declares.

They keep a recorded fact readable for ever and everywhere: whole numbers that JSON readers in other languages take
exactly, decimals in plain notation, text that a PostgreSQL text column takes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec import inspect

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation.checks import Check, Seen, each, entries, fields
from services.chassis.validation.writing import writing_of

LARGEST_INTEGER = 2**53 - 1
DECIMAL_PLACES = 6
DECIMAL_DIGITS = 15
"""Digits before the point."""


def check_for(type_: Any) -> Check | None:
    """The check of all that a value of this type can hold; None where nothing needs one."""
    return _check(inspect.type_info(type_), {})


def _check(info: inspect.Type, seen: Seen) -> Check | None:
    if isinstance(info, inspect.Metadata):
        return _both(_check(info.type, seen), writing_of(info))
    if isinstance(info, inspect.IntType):
        return None if _bounded(info) else _integer
    if isinstance(info, inspect.DecimalType):
        return _decimal
    if isinstance(info, inspect.StrType):
        return _line if info.pattern else _text
    if isinstance(info, inspect.StructType):
        return fields(info, seen, _check, of="struct")
    if isinstance(info, inspect.UnionType):
        return _optional([found for found in (_check(item, seen) for item in info.types) if found])
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return each(_check(info.item_type, seen))
    if isinstance(info, inspect.DictType):
        return entries(_check(info.key_type, seen), _check(info.value_type, seen))
    return None


def _both(one: Check | None, other: Check | None) -> Check | None:
    """One after the other; where there is one, that."""
    if one is None or other is None:
        return one or other

    def both(value: Any, path: str) -> None:
        one(value, path)
        other(value, path)

    return both


def _bounded(info: inspect.IntType) -> bool:
    low = info.ge if info.ge is not None else info.gt
    high = info.le if info.le is not None else info.lt
    return low is not None and high is not None and low >= -LARGEST_INTEGER and high <= LARGEST_INTEGER


def _optional(checks: list[Check]) -> Check | None:
    """Unions are `X | None` at the doors; of several real members none is checked here (contracts refuse them)."""
    return checks[0] if len(checks) == 1 else None


def _integer(value: int, path: str) -> None:
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        english = f"the number must lie within ±{LARGEST_INTEGER}"
        raise InvalidRequest(Violation(path, f"整数超出范围(±{LARGEST_INTEGER})", english))


def _decimal(value: Decimal, path: str) -> None:
    exponent = value.as_tuple().exponent
    plain = isinstance(exponent, int) and -DECIMAL_PLACES <= exponent <= 0 and value.adjusted() < DECIMAL_DIGITS
    if not plain:
        rule = f"at most {DECIMAL_DIGITS} digits before and {DECIMAL_PLACES} after the point, without exponent"
        chinese = f"应为普通小数,整数部分不超过 {DECIMAL_DIGITS} 位,小数不超过 {DECIMAL_PLACES} 位"
        raise InvalidRequest(Violation(path, chinese, rule))


def _line(value: str, path: str) -> None:
    """A pattern's `$` lets a final line break pass, which no identifier or code may have."""
    if value.endswith("\n"):
        raise InvalidRequest(Violation(path, "末尾不能有换行", "must not end with a line break"))


def _text(value: str, path: str) -> None:
    if "\x00" in value or not _encodable(value):
        english = "the text holds a character that cannot be kept"
        raise InvalidRequest(Violation(path, "文本含有不能保存的字符", english))


def _encodable(value: str) -> bool:
    """False for half a surrogate pair, which has no UTF-8 form."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
