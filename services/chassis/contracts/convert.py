"""Protobuf bytes ↔ Struct, by a table made once for each message type.

What a message says beyond its contract (an unknown field, an unknown enum number) is refused: a caller that knows
a newer contract than the server must not believe that all of its order was carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, Generic, TypeVar

import msgspec
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from services.chassis.contracts.shapes import Shape, enum_values, fields_of
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation import BODY, convert

S = TypeVar("S", bound=msgspec.Struct)
FromWire = Callable[[Any, str], Any]
"""(wire value, path of the field) → plain value; raises InvalidRequest."""
ToWire = Callable[[Any], Any]
_Table = dict[Any, tuple[str, FromWire | None]]


class Codec(Generic[S]):
    """One Struct and its message class. Immutable after it is made; safe from any thread."""

    def __init__(self, struct: type[S], message: Any) -> None:
        self._struct = struct
        self._message = message
        self._parse = message.FromString
        self._read = _reader(message.DESCRIPTOR, struct, {})
        self._write = _writer(struct, message.DESCRIPTOR, {})

    def decode(self, data: bytes) -> S:
        """The Struct in these bytes; raises InvalidRequest with the field's path."""
        try:
            message = self._parse(data)
        except DecodeError as error:
            raise InvalidRequest(Violation(BODY, "不是有效的 protobuf 消息", "not a valid protobuf message")) from error
        return convert(self._read(message, ""), self._struct)

    def encode(self, value: S) -> bytes:
        """The bytes of this Struct; None stays out."""
        data: bytes = self._message(**self._write(value)).SerializeToString()
        return data


def _reader(descriptor: Any, struct: type[msgspec.Struct], seen: dict[type, FromWire]) -> FromWire:
    """A function from a message to the dict of its fields. `seen` lets a Struct hold its own kind.

    On the wire an empty list or map is an absent one, so a required one that is absent is empty; and None is absent, so
    what may be None and has no default is None.
    """
    if struct in seen:
        return seen[struct]
    table: _Table = {}
    empty: dict[str, Any] = {}

    def read(message: Any, path: str) -> dict[str, Any]:
        if len(UnknownFieldSet(message)):
            raise InvalidRequest(_unknown_field(message, path))
        found = empty.copy()
        for field, value in message.ListFields():
            name, from_wire = table[field]
            found[name] = value if from_wire is None else from_wire(value, f"{path}{name}")
        return found

    seen[struct] = read
    undefaulted = {field.encode_name for field in msgspec.structs.fields(struct) if field.required}
    for field in fields_of(struct):
        own = descriptor.fields_by_name[field.name]
        table[own] = (field.name, _from_wire(field.shape, own, seen))
        if field.required and field.shape.repeated:
            empty[field.name] = ()
        elif field.required and field.shape.value is not None:
            empty[field.name] = {}
        elif not field.required and field.name in undefaulted:
            empty[field.name] = None
    return read


def _unknown_field(message: Any, path: str) -> Violation:
    number = UnknownFieldSet(message)[0].field_number
    english = f"unknown field (number {number}), or of another type"
    return Violation(f"{path}{number}", f"未知字段(编号 {number})或类型不符", english)


def _from_wire(shape: Shape, own: Any, seen: dict[type, FromWire]) -> FromWire | None:
    """None: the wire value is the plain value."""
    if shape.value is not None:
        value_of = _from_wire(shape.value, own.message_type.fields_by_name["value"], seen)
        return _map_reader(value_of)
    one = _one_from_wire(shape, own, seen)
    return _list_reader(one) if shape.repeated else one


def _one_from_wire(shape: Shape, own: Any, seen: dict[type, FromWire]) -> FromWire | None:
    if shape.kind == "enum":
        return _enum_reader({number: value for value, number in _enum_numbers(shape, own).items()})
    if shape.kind == "timestamp":
        return _instant
    if shape.kind == "message":
        read = _reader(own.message_type, shape.type, seen)
        return lambda message, path: read(message, f"{path}.")
    return None


def _list_reader(one: FromWire | None) -> FromWire:
    if one is None:
        return lambda values, path: list(values)
    return lambda values, path: [one(value, f"{path}[{index}]") for index, value in enumerate(values)]


def _map_reader(one: FromWire | None) -> FromWire:
    if one is None:
        return lambda values, path: dict(values)
    return lambda values, path: {key: one(value, f"{path}[...]") for key, value in values.items()}


def _enum_reader(values: Mapping[int, Any]) -> FromWire:
    def read(number: int, path: str) -> Any:
        if number not in values:
            chinese = f"没有编号为 {number} 的选项"
            raise InvalidRequest(Violation(path, chinese, f"{number} is not one of the choices"))
        return values[number]

    return read


def _instant(value: Any, path: str) -> Any:
    if len(UnknownFieldSet(value)):
        raise InvalidRequest(_unknown_field(value, f"{path}."))
    try:
        return value.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(Violation(path, "时间超出范围", "the instant is out of range")) from error


def _enum_numbers(shape: Shape, own: Any) -> dict[Any, int]:
    """Member's value → number, by the order of definition that `shapes.enum_values` shares with the descriptors."""
    numbers = {name: value.number for name, value in own.enum_type.values_by_name.items()}
    return {value: numbers[name] for name, value in enum_values(shape.type)}


def _writer(struct: type[msgspec.Struct], descriptor: Any, seen: dict[type, ToWire]) -> ToWire:
    """A function from a Struct to the keyword arguments of its message class."""
    if struct in seen:
        return seen[struct]
    table: list[tuple[str, str, ToWire | None]] = []

    def write(value: Any) -> dict[str, Any]:
        found = {}
        for attribute, name, to_wire in table:
            item = getattr(value, attribute)
            if item is not None:
                found[name] = item if to_wire is None else to_wire(item)
        return found

    seen[struct] = write
    attributes = {field.encode_name: field.name for field in msgspec.structs.fields(struct)}
    for field in fields_of(struct):
        own = descriptor.fields_by_name[field.name]
        table.append((attributes[field.name], field.name, _to_wire(field.shape, own, seen)))
    return write


def _to_wire(shape: Shape, own: Any, seen: dict[type, ToWire]) -> ToWire | None:
    if shape.value is not None:
        value_of = _to_wire(shape.value, own.message_type.fields_by_name["value"], seen)
        return None if value_of is None else lambda values: {key: value_of(item) for key, item in values.items()}
    one = _one_to_wire(shape, own, seen)
    if not shape.repeated:
        return one
    return list if one is None else lambda values: [one(item) for item in values]


def _one_to_wire(shape: Shape, own: Any, seen: dict[type, ToWire]) -> ToWire | None:
    if shape.kind == "enum":
        numbers = _enum_numbers(shape, own)
        return lambda member: numbers[member.value]
    if shape.kind == "message":
        return _writer(shape.type, own.message_type, seen)
    if shape.kind == "date":
        return lambda day: day.isoformat()
    if shape.kind == "decimal":
        return lambda number: format(number, "f")
    return None
