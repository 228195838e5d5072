"""How a Struct's field looks in a contract: its wire kind, whether it repeats, and its rules in words.

The wire kinds are the proto scalar names plus `date`, `decimal` (both text on the wire), `timestamp`, `enum`,
`message` and `map`. What no contract can say (unions of Structs, lists in lists, optional lists) is refused here,
when the contracts are written, with the field named.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import inspect


class ContractError(Exception):
    """A Struct, or the checked-in contract, that can't be brought together; one sentence says which and why."""


@dataclass(frozen=True)
class Shape:
    """`type` is the Enum or Struct of an enum or message; `value` the shape of a map's values."""

    kind: str
    repeated: bool = False
    type: Any = None
    value: Shape | None = None


@dataclass(frozen=True)
class Field:
    """A Struct's field: `rules` says in English what a value must keep to (may be empty)."""

    name: str
    shape: Shape
    required: bool
    description: str
    rules: str


_SCALARS: dict[type[inspect.Type], str] = {
    inspect.IntType: "int64",
    inspect.StrType: "string",
    inspect.BoolType: "bool",
    inspect.BytesType: "bytes",
    inspect.FloatType: "double",
    inspect.DateType: "date",
    inspect.DecimalType: "decimal",
    inspect.DateTimeType: "timestamp",
    inspect.LiteralType: "string",
    inspect.UUIDType: "string",
}
_FORMATS = {"date": "a date, YYYY-MM-DD", "decimal": "a decimal number in plain notation"}


def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of a Struct in their order; raises ContractError for what a contract can't say."""
    info = inspect.type_info(struct)
    assert isinstance(info, inspect.StructType)
    return tuple(_field(struct, field) for field in info.fields)


def _field(struct: type[msgspec.Struct], field: inspect.Field) -> Field:
    where = f"{struct.__name__}.{field.encode_name}"
    info, description, optional = _unwrap(field.type, where)
    shape = _shape(info, where)
    if optional and (shape.repeated or shape.kind == "map"):
        raise ContractError(f"{where}: an optional list has no wire form; use an empty one for none")
    required = field.required and not optional
    return Field(field.encode_name, shape, required, description, _rules(info, shape))


def _unwrap(info: inspect.Type, where: str) -> tuple[inspect.Type, str, bool]:
    """The type without `| None` and metadata, its description, and whether None is allowed."""
    description = ""
    if isinstance(info, inspect.Metadata):
        description = (info.extra_json_schema or {}).get("description", "")
        inner, more, optional = _unwrap(info.type, where)
        return inner, description or more, optional
    if isinstance(info, inspect.UnionType):
        members = [item for item in info.types if not isinstance(item, inspect.NoneType)]
        if len(members) != 1:
            raise ContractError(f"{where}: a union of several types has no wire form")
        inner, description, _ = _unwrap(members[0], where)
        return inner, description, True
    return info, description, False


def _shape(info: inspect.Type, where: str) -> Shape:
    kind = _SCALARS.get(type(info))
    if kind is not None:
        return Shape(kind)
    if isinstance(info, inspect.EnumType):
        return Shape("enum", type=info.cls)
    if isinstance(info, inspect.StructType):
        return Shape("message", type=info.cls)
    if isinstance(info, inspect.ListType | inspect.VarTupleType | inspect.SetType | inspect.FrozenSetType):
        item = _element(info.item_type, where)
        return Shape(item.kind, repeated=True, type=item.type)
    if isinstance(info, inspect.DictType):
        return Shape("map", value=_element(info.value_type, where))
    raise ContractError(f"{where}: {type(info).__name__} has no wire form")


def _element(info: inspect.Type, where: str) -> Shape:
    inner, _, optional = _unwrap(info, where)
    shape = _shape(inner, where)
    if optional or shape.repeated or shape.kind == "map":
        raise ContractError(f"{where}: an element may be neither optional nor a list nor a map itself")
    return shape


def _rules(info: inspect.Type, shape: Shape) -> str:
    said = [_FORMATS[shape.kind]] if shape.kind in _FORMATS else []
    for name, words in (("ge", ">= {}"), ("gt", "> {}"), ("le", "<= {}"), ("lt", "< {}")):
        if (bound := getattr(info, name, None)) is not None:
            said.append(words.format(bound))
    low, high = getattr(info, "min_length", None), getattr(info, "max_length", None)
    if low is not None or high is not None:
        unit = "items" if shape.repeated else "entries" if shape.kind == "map" else "characters"
        said.append(f"{low or 0} to {high} {unit}" if high is not None else f"at least {low} {unit}")
    if pattern := getattr(info, "pattern", None):
        said.append(f"matches {pattern}")
    if isinstance(info, inspect.LiteralType):
        said.append("one of " + ", ".join(map(str, info.values)))
    return "; ".join(said)


def enum_values(kind: type[enum.Enum]) -> tuple[tuple[str, Any], ...]:
    """(proto value name, member's value) in the order of definition; aliases left out."""
    prefix = upper_snake(kind.__name__)
    return tuple((f"{prefix}_{member.name.upper()}", member.value) for member in kind)


def words_of(name: str) -> list[str]:
    """The words of a CamelCase, snake_case or kebab-case name, in lower case."""
    spaced = "".join(
        f" {char}"
        if char.isupper() and index and (name[index - 1].islower() or name[index - 1].isdigit() or _begins(name, index))
        else char
        for index, char in enumerate(name)
    )
    return spaced.replace("_", " ").replace("-", " ").lower().split()


def _begins(name: str, index: int) -> bool:
    """True at the last capital of a run that begins a new word (`XMLFile` → xml, file)."""
    return index + 1 < len(name) and name[index + 1].islower()


def upper_snake(name: str) -> str:
    return "_".join(words_of(name)).upper()


def camel(words: list[str]) -> str:
    return words[0] + "".join(word.capitalize() for word in words[1:])


def pascal(name: str) -> str:
    return "".join(word.capitalize() for word in words_of(name))
