"""Example values, made from the types alone: always the same, and valid.

A text with a pattern takes the first of `_CANDIDATES` that fits, else the field must bring its own example
(`msgspec.Meta(examples=[…])`).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from msgspec import inspect

from services.chassis.contracts.shapes import ContractError

T = TypeVar("T", bound=msgspec.Struct)

DAY = date(2017, 3, 1)
INSTANT = datetime(2017, 3, 2, 8, 30, 0, 123456, UTC)
_CANDIDATES = (
    "sample-1",
    "sample:sample-1",
    "130600",
    "2017-03",
    "2017",
    "A1",
    "a",
    "sample",
    "91130600MA07EXTQ4X",
    "0" * 64,
    "1",
)
_DEEPEST = 4


def sample(struct: type[T]) -> T:
    """A value with every field filled; raises ContractError for a field that needs an example of its own."""
    return msgspec.convert(_struct(inspect.type_info(struct), struct.__name__, 0), struct)


def sample_json(struct: type[msgspec.Struct]) -> Any:
    """The same in JSON's own types."""
    return msgspec.to_builtins(sample(struct))


def _struct(info: Any, where: str, depth: int) -> dict[str, Any]:
    return {
        field.encode_name: _value(field.type, f"{where}.{field.encode_name}", depth)
        for field in info.fields
        if depth < _DEEPEST or field.required
    }


def _value(info: inspect.Type, where: str, depth: int) -> Any:
    if isinstance(info, inspect.Metadata):
        examples = (info.extra_json_schema or {}).get("examples")
        return examples[0] if examples else _value(info.type, where, depth)
    if isinstance(info, inspect.UnionType):
        return _value(next(item for item in info.types if not isinstance(item, inspect.NoneType)), where, depth)
    if isinstance(info, inspect.StructType):
        return _struct(info, where, depth + 1)
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        count = max(info.min_length or 0, 0 if depth >= _DEEPEST else min(2, info.max_length or 2))
        return [_value(info.item_type, where, depth) for _ in range(count)]
    if isinstance(info, inspect.DictType):
        return {_value(info.key_type, where, depth): _value(info.value_type, where, depth)}
    return _scalar(info, where)


def _scalar(info: inspect.Type, where: str) -> Any:
    if isinstance(info, inspect.StrType):
        return _text(info, where)
    if isinstance(info, inspect.IntType | inspect.FloatType):
        return _number(info)
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls)).value
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    fixed: dict[type[inspect.Type], Any] = {
        inspect.BoolType: True,
        inspect.BytesType: b"\x00\x01",
        inspect.DateType: DAY,
        inspect.DateTimeType: INSTANT,
        inspect.DecimalType: Decimal("12.50"),
        inspect.UUIDType: UUID(int=1),
    }
    if type(info) not in fixed:
        raise ContractError(f"{where}: no example can be made of {type(info).__name__}")
    return fixed[type(info)]


def _number(info: inspect.IntType | inspect.FloatType) -> float:
    low = info.ge if info.ge is not None else None if info.gt is None else info.gt + 1
    high = info.le if info.le is not None else None if info.lt is None else info.lt - 1
    value: float = 1000
    value = value if low is None else max(low, value)
    return value if high is None else min(high, value)


def _text(info: inspect.StrType, where: str) -> str:
    if info.pattern is None:
        text = f"示例 {where.rpartition('.')[2]}"[: info.max_length]
        return text.ljust(info.min_length or 0, "。")
    for candidate in _CANDIDATES:
        if re.search(info.pattern, candidate):
            return candidate
    raise ContractError(f"{where}: give the field an example, msgspec.Meta(examples=[…]), that fits {info.pattern}")
