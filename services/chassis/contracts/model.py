"""What is published over gRPC, as data: packages, services, RPCs, messages and enums, still without numbers.

One file for each aggregate (`bizenv/<service>/v1/<aggregate>.proto`), one for a service's queries (`queries.proto`),
one for the Structs and enums they hold (`types.proto`), and the event feed for readers without Kafka.
"""

from __future__ import annotations

import enum
import inspect as python_inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from services.chassis.commanding.gateway import Receipt
from services.chassis.contracts.shapes import ContractError, Field, fields_of, pascal, words_of
from services.chassis.feed.stream import FeedEvent, ReadEvents
from services.chassis.service import Aggregate, Service

Kind = Literal["command", "query", "feed"]
FEED_PACKAGE = "bizenv.events.v1"


@dataclass(frozen=True)
class Rpc:
    """One method. `request` and `response` are the Structs behind `<name>Request` and `<name>Response`."""

    name: str
    kind: Kind
    request: type[msgspec.Struct]
    response: type[msgspec.Struct]
    comment: str


@dataclass(frozen=True)
class RpcService:
    """A gRPC service; `service` is the name of the bounded context that answers it."""

    package: str
    name: str
    service: str
    comment: str
    rpcs: tuple[Rpc, ...]

    @property
    def full_name(self) -> str:
        return f"{self.package}.{self.name}"


@dataclass(frozen=True)
class Message:
    name: str
    comment: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class ProtoFile:
    """One .proto file; `path` is relative to the module's root, `imports` are such paths."""

    path: str
    package: str
    imports: tuple[str, ...]
    services: tuple[RpcService, ...]
    messages: tuple[Message, ...]
    enums: tuple[type[enum.Enum], ...]


def proto_files(services: Iterable[Service]) -> tuple[ProtoFile, ...]:
    """Every file for these services, those that are imported first; raises ContractError."""
    files = [file for service in services for file in _files_of(service)]
    return (*files, _feed_file())


def commands_of(aggregate: Aggregate) -> tuple[type[msgspec.Struct], ...]:
    """The commands that doors offer, in the order of the decider's table."""
    return tuple(command for command in aggregate.decider.decisions if command not in aggregate.internal)


def summary(thing: Any) -> str:
    """The docstring of a Struct or enum; the words of its name when it has none of its own."""
    text = thing.__dict__.get("__doc__")
    return python_inspect.cleandoc(text) if text else " ".join(words_of(thing.__name__)).capitalize() + "."


def _files_of(service: Service) -> Iterator[ProtoFile]:
    package = f"bizenv.{service.name}.v1"
    offered = list(_rpc_services(service, package))
    structs, enums = _nested(rpc for _, found in offered for rpc in found.rpcs)
    folder = package.replace(".", "/")
    types_path = f"{folder}/types.proto"
    if structs or enums:
        messages = tuple(Message(struct.__name__, summary(struct), fields_of(struct)) for struct in structs)
        yield ProtoFile(types_path, package, _well_known(messages), (), messages, enums)
    for stem, found in offered:
        messages = tuple(_rpc_messages(found))
        own = any(_refers(message) for message in messages)
        imports = (*([types_path] if own else []), *_well_known(messages))
        yield ProtoFile(f"{folder}/{stem}.proto", package, imports, (found,), messages, ())


def _rpc_services(service: Service, package: str) -> Iterator[tuple[str, RpcService]]:
    for aggregate in service.aggregates:
        stem = "_".join(words_of(aggregate.decider.aggregate))
        rpcs = tuple(Rpc(c.__name__, "command", c, Receipt, summary(c)) for c in commands_of(aggregate))
        if rpcs:
            comment = f"Commands to one {' '.join(words_of(stem))} ({service.title})."
            yield stem, RpcService(package, f"{pascal(stem)}Service", service.name, comment, rpcs)
    if service.queries:
        rpcs = tuple(Rpc(q.query.__name__, "query", q.query, q.answer, q.summary) for q in service.queries)
        name = f"{pascal(service.name)}QueryService"
        yield "queries", RpcService(package, name, service.name, f"Questions to the views ({service.title}).", rpcs)


def _rpc_messages(found: RpcService) -> Iterator[Message]:
    for rpc in found.rpcs:
        yield Message(f"{rpc.name}Request", summary(rpc.request), fields_of(rpc.request))
        yield Message(f"{rpc.name}Response", summary(rpc.response), fields_of(rpc.response))


def _nested(rpcs: Iterable[Rpc]) -> tuple[tuple[type[msgspec.Struct], ...], tuple[type[enum.Enum], ...]]:
    """The Structs and enums inside requests and responses, each once, in the order in which they are met."""
    found: dict[str, Any] = {}
    waiting = [struct for rpc in rpcs for struct in (rpc.request, rpc.response)]
    visited: set[type] = set()
    while waiting:
        struct = waiting.pop(0)
        if struct in visited:
            continue
        visited.add(struct)
        for inner in _types_in(struct):
            if found.setdefault(inner.__name__, inner) is not inner:
                raise ContractError(f"two types of one service are named {inner.__name__}; rename one")
            if issubclass(inner, msgspec.Struct):
                waiting.append(inner)
    structs = tuple(item for item in found.values() if issubclass(item, msgspec.Struct))
    return structs, tuple(item for item in found.values() if issubclass(item, enum.Enum))


def _types_in(struct: type[msgspec.Struct]) -> Iterator[Any]:
    for field in fields_of(struct):
        for shape in (field.shape, field.shape.value):
            if shape is not None and shape.type is not None:
                yield shape.type


def _refers(message: Message) -> bool:
    shapes = (shape for field in message.fields for shape in (field.shape, field.shape.value) if shape)
    return any(shape.type is not None for shape in shapes)


def _well_known(messages: Iterable[Message]) -> tuple[str, ...]:
    shapes = (shape for m in messages for field in m.fields for shape in (field.shape, field.shape.value) if shape)
    return ("google/protobuf/timestamp.proto",) if any(shape.kind == "timestamp" for shape in shapes) else ()


def _feed_file() -> ProtoFile:
    rpc = Rpc("ReadEvents", "feed", ReadEvents, FeedEvent, summary(ReadEvents))
    comment = "The recorded events of one service, for systems without Kafka."
    found = RpcService(FEED_PACKAGE, "EventFeedService", "events", comment, (rpc,))
    messages = tuple(_rpc_messages(found))
    path = f"{FEED_PACKAGE.replace('.', '/')}/event_feed.proto"
    return ProtoFile(path, FEED_PACKAGE, _well_known(messages), (found,), messages, ())
