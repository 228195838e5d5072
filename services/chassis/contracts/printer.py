"""The text of a .proto file, with comments, in one fixed form (`numbers` reads it back)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from services.chassis.contracts.model import Message, ProtoFile, RpcService, summary
from services.chassis.contracts.numbers import Numbers
from services.chassis.contracts.shapes import Field, Shape, enum_values, upper_snake

_WIRE = {"date": "string", "decimal": "string", "timestamp": "google.protobuf.Timestamp"}
_HEADER = "// Made from the Structs of the services by `make contracts`; numbers are kept, never change them by hand."


def print_file(file: ProtoFile, numbers: Mapping[str, Numbers]) -> str:
    """The whole file; `numbers` has an entry for each of its messages and enums."""
    parts = ['syntax = "proto3";', f"package {file.package};"]
    if file.imports:
        parts.append("\n".join(f'import "{path}";' for path in sorted(file.imports)))
    parts += ["\n".join(_service(service)) for service in file.services]
    parts += ["\n".join(_message(message, numbers[message.name])) for message in file.messages]
    parts += ["\n".join(_enum(kind, numbers[kind.__name__])) for kind in file.enums]
    return f"{_HEADER}\n" + "\n\n".join(parts) + "\n"


def wire_type(shape: Shape) -> str:
    """The proto type of one value of this shape."""
    if shape.type is not None:
        return str(shape.type.__name__)
    if shape.value is not None:
        return f"map<string, {wire_type(shape.value)}>"
    return _WIRE.get(shape.kind, shape.kind)


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for line in text.splitlines():
        yield f"{indent}// {line}".rstrip()


def _service(service: RpcService) -> Iterator[str]:
    yield from _comment(service.comment)
    yield f"service {service.name} {{"
    for rpc in service.rpcs:
        yield from _comment(rpc.comment, "  ")
        stream = "stream " if rpc.kind == "feed" else ""
        yield f"  rpc {rpc.name}({rpc.name}Request) returns ({stream}{rpc.name}Response);"
    yield "}"


def _message(message: Message, numbers: Numbers) -> Iterator[str]:
    yield from _comment(message.comment)
    need = "Always set." if message.name.endswith("Response") else "Required."
    lines = [*_reserved(numbers), *(line for field in message.fields for line in _field(field, numbers, need))]
    yield from _block(f"message {message.name}", lines)


def _field(field: Field, numbers: Numbers, need: str) -> Iterator[str]:
    yield from _comment(field_comment(field, need), "  ")
    presence = "" if field.shape.kind in ("message", "timestamp", "map") else "optional "
    label = "repeated " if field.shape.repeated else presence
    yield f"  {label}{wire_type(field.shape)} {field.name} = {numbers.used[field.name]};"


def field_comment(field: Field, need: str) -> str:
    """Description, rules and, where the field is required, `need`, as one line."""
    if not field.required or field.shape.repeated or field.shape.kind == "map":
        need = ""
    described = " ".join(field.description.split())
    return " ".join(part for part in (_sentence(described), _sentence(field.rules), need) if part)


def _sentence(text: str) -> str:
    return text if not text or text[-1] in ".。" else f"{text[0].upper()}{text[1:]}."


def _enum(kind: type, numbers: Numbers) -> Iterator[str]:
    yield from _comment(summary(kind))
    lines = [*_reserved(numbers), f"  {upper_snake(kind.__name__)}_UNSPECIFIED = 0;"]
    for name, value in enum_values(kind):
        lines += [f"  // In JSON: {value!r}.".replace("'", '"'), f"  {name} = {numbers.used[name]};"]
    yield from _block(f"enum {kind.__name__}", lines)


def _reserved(numbers: Numbers) -> Iterator[str]:
    if numbers.reserved_numbers:
        yield f"  reserved {', '.join(map(str, sorted(numbers.reserved_numbers)))};"
    if numbers.reserved_names:
        quoted = ", ".join(f'"{name}"' for name in sorted(numbers.reserved_names))
        yield f"  reserved {quoted};"


def _block(head: str, lines: Iterable[str]) -> Iterator[str]:
    body = list(lines)
    if not body:
        yield f"{head} {{}}"
        return
    yield f"{head} {{"
    yield from body
    yield "}"
