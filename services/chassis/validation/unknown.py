"""Unknown fields inside a value whose outermost Struct forbids them.

Structs that events and commands share are tolerant, as events must be; in a command their unknown fields are
refused all the same, at any depth.
"""

from __future__ import annotations

from typing import Any

from msgspec import inspect

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation.checks import Check, each


def search_for(type_: Any) -> Check | None:
    """The search for a type; None where msgspec itself refuses all unknown fields, or the type is tolerant."""
    info = inspect.type_info(type_)
    if not isinstance(info, inspect.StructType) or not info.forbid_unknown_fields or not _tolerant(info, set()):
        return None
    return _struct(info, {})


def _tolerant(info: inspect.Type, seen: set[type]) -> bool:
    """Whether a Struct that passes over unknown fields can stand anywhere in a value of this type."""
    if isinstance(info, inspect.StructType):
        if info.cls in seen:
            return False
        seen.add(info.cls)
        return not info.forbid_unknown_fields or any(_tolerant(field.type, seen) for field in info.fields)
    return any(_tolerant(part, seen) for part in _parts(info))


def _parts(info: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(info, inspect.Metadata):
        return (info.type,)
    if isinstance(info, inspect.UnionType):
        return info.types
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return (info.item_type,)
    if isinstance(info, inspect.DictType):
        return (info.value_type,)
    return ()


def _search(info: inspect.Type, seen: dict[type, Check]) -> Check | None:
    if isinstance(info, inspect.StructType):
        return _struct(info, seen)
    if isinstance(info, inspect.ListType | inspect.VarTupleType):
        return each(_search(info.item_type, seen))
    if isinstance(info, inspect.DictType):
        return _values(_search(info.value_type, seen))
    found = [search for part in _parts(info) if (search := _search(part, seen)) is not None]
    return found[0] if found else None


def _struct(info: inspect.StructType, seen: dict[type, Check]) -> Check:
    if info.cls in seen:
        return seen[info.cls]
    fields: dict[str, Check | None] = {}

    def search(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            return
        for name, part in value.items():
            place = f"{path}.{name}" if path else str(name)
            if name not in fields:
                raise InvalidRequest(Violation(place, "未知字段", "unknown field"))
            inner = fields[name]
            if inner is not None:
                inner(part, place)

    seen[info.cls] = search
    fields.update((field.encode_name, _search(field.type, seen)) for field in info.fields)
    return search


def _values(inner: Check | None) -> Check | None:
    if inner is None:
        return None

    def search(value: Any, path: str) -> None:
        for name, item in value.items() if isinstance(value, dict) else ():
            inner(item, f"{path}.{name}")

    return search
