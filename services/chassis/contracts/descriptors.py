"""The descriptors behind the .proto files, and the message classes that the gRPC server uses.

No generated Python code is kept: classes come from these descriptors at run time, with the numbers of the
checked-in files.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from services.chassis.contracts.model import Message, ProtoFile, RpcService, proto_files
from services.chassis.contracts.numbers import NEW, Numbers, read_numbers
from services.chassis.contracts.printer import print_file
from services.chassis.contracts.shapes import Field, Shape, enum_values, pascal, upper_snake
from services.chassis.service import Service

PROTO_FOLDER = Path(__file__).resolve().parents[3] / "proto"

_Proto = descriptor_pb2.FieldDescriptorProto
_TYPES = {
    "string": _Proto.TYPE_STRING,
    "date": _Proto.TYPE_STRING,
    "decimal": _Proto.TYPE_STRING,
    "int64": _Proto.TYPE_INT64,
    "bool": _Proto.TYPE_BOOL,
    "bytes": _Proto.TYPE_BYTES,
    "double": _Proto.TYPE_DOUBLE,
    "enum": _Proto.TYPE_ENUM,
    "message": _Proto.TYPE_MESSAGE,
    "timestamp": _Proto.TYPE_MESSAGE,
}


@dataclass(frozen=True)
class Contracts:
    """The gRPC contracts of a set of services: the files' texts by path, and the classes of their messages."""

    files: tuple[ProtoFile, ...]
    texts: Mapping[str, str]
    pool: descriptor_pool.DescriptorPool

    @property
    def services(self) -> tuple[RpcService, ...]:
        return tuple(service for file in self.files for service in file.services)

    def message(self, full_name: str) -> Any:
        """The message class of this full name (`bizenv.….SignProjectRequest`); KeyError when there is none."""
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(full_name))


def build_contracts(services: Iterable[Service], folder: Path = PROTO_FOLDER) -> Contracts:
    """The contracts of these services, numbered as the files under `folder`; raises ContractError."""
    files = proto_files(services)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    texts = {}
    for file in files:
        numbers = _numbers(file, folder)
        texts[file.path] = print_file(file, numbers)
        pool.AddSerializedFile(_descriptor(file, numbers).SerializeToString())
    return Contracts(files, texts, pool)


def _numbers(file: ProtoFile, folder: Path) -> dict[str, Numbers]:
    known = read_numbers(folder / file.path)
    found = {m.name: known.get(m.name, NEW).of(field.name for field in m.fields) for m in file.messages}
    for kind in file.enums:
        names = [f"{upper_snake(kind.__name__)}_UNSPECIFIED", *(name for name, _ in enum_values(kind))]
        found[kind.__name__] = known.get(kind.__name__, NEW).of(names, first=0)
    return found


def _descriptor(file: ProtoFile, numbers: Mapping[str, Numbers]) -> descriptor_pb2.FileDescriptorProto:
    found = descriptor_pb2.FileDescriptorProto(
        name=file.path, package=file.package, syntax="proto3", dependency=file.imports
    )
    for message in file.messages:
        _add_message(found, message, file.package, numbers[message.name])
    for kind in file.enums:
        _add_enum(found, kind, numbers[kind.__name__])
    for service in file.services:
        _add_service(found, service)
    return found


def _add_message(file: descriptor_pb2.FileDescriptorProto, message: Message, package: str, numbers: Numbers) -> None:
    found = file.message_type.add(name=message.name)
    found.reserved_name.extend(sorted(numbers.reserved_names))
    for number in sorted(numbers.reserved_numbers):
        found.reserved_range.add(start=number, end=number + 1)
    for field in message.fields:
        if field.shape.value is not None:
            _add_map(found, field, f".{package}.{message.name}", package, numbers.used[field.name])
        else:
            _add_field(found, field.name, field.shape, package, numbers.used[field.name])


def _add_field(
    message: descriptor_pb2.DescriptorProto, name: str, shape: Shape, package: str, number: int, plain: bool = False
) -> None:
    """`plain` leaves out `optional`: a map entry's value has no presence of its own."""
    field = message.field.add(name=name, number=number, type=_TYPES[shape.kind])
    field.label = _Proto.LABEL_REPEATED if shape.repeated else _Proto.LABEL_OPTIONAL
    if shape.kind == "timestamp":
        field.type_name = ".google.protobuf.Timestamp"
    elif shape.type is not None:
        field.type_name = f".{package}.{shape.type.__name__}"
    if not (plain or shape.repeated or field.type == _Proto.TYPE_MESSAGE):
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")


def _add_map(message: descriptor_pb2.DescriptorProto, field: Field, full_name: str, package: str, number: int) -> None:
    entry = f"{pascal(field.name)}Entry"
    assert field.shape.value is not None
    nested = message.nested_type.add(name=entry)
    nested.options.map_entry = True
    _add_field(nested, "key", Shape("string"), package, 1, plain=True)
    _add_field(nested, "value", field.shape.value, package, 2, plain=True)
    added = message.field.add(
        name=field.name, number=number, type=_Proto.TYPE_MESSAGE, type_name=f"{full_name}.{entry}"
    )
    added.label = _Proto.LABEL_REPEATED


def _add_enum(file: descriptor_pb2.FileDescriptorProto, kind: type[enum.Enum], numbers: Numbers) -> None:
    found = file.enum_type.add(name=kind.__name__)
    for name, number in sorted(numbers.used.items(), key=lambda item: item[1]):
        found.value.add(name=name, number=number)
    found.reserved_name.extend(sorted(numbers.reserved_names))
    for number in sorted(numbers.reserved_numbers):
        found.reserved_range.add(start=number, end=number)


def _add_service(file: descriptor_pb2.FileDescriptorProto, service: RpcService) -> None:
    found = file.service.add(name=service.name)
    for rpc in service.rpcs:
        found.method.add(
            name=rpc.name,
            input_type=f".{service.package}.{rpc.name}Request",
            output_type=f".{service.package}.{rpc.name}Response",
            server_streaming=rpc.kind == "feed",
        )
