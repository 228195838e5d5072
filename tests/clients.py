"""Clients of a served city as others would write them: HTTP with JSON, gRPC by nothing but the server's reflection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self
from uuid import uuid4

import grpc
import httpx
import msgspec
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.rpc import error_details_pb2, status_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from services.catalogue import SERVICES
from services.chassis.commanding.gateway import Receipt
from services.chassis.contracts.paths import CommandPath, command_paths
from services.chassis.domain import Command

SECONDS = 30.0
_TURNS = '{"loadBalancingConfig": [{"round_robin": {}}]}'
PATHS: dict[type[Command], CommandPath] = {
    path.command: path for service in SERVICES for path in command_paths(service)
}

QUERY_PATHS = {handler.query.__name__: handler.path for service in SERVICES for handler in service.queries}


class Refused(Exception):
    """The platform answered no: the door's own status, our stable code, the fields named."""

    def __init__(self, status: str, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status} {code}: {message} {fields}")
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields


class Lost(Exception):
    """No answer came: the command may have been recorded or not."""


class Door(Protocol):
    """One way in, with one token."""

    def do(
        self,
        command: Command,
        command_id: str | None = None,
        expected_version: int | None = None,
        seconds: float = SECONDS,
    ) -> Receipt:
        """Carry out a command; raises Refused or Lost."""
        ...

    def ask(self, query: str, **fields: Any) -> dict[str, Any]:
        """Answer a query, named as in the contract (`GetProject`); raises Refused or Lost."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_error: object) -> None: ...


class _Closing:
    """`with` leaves nothing open, also where the test fails."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class HttpClient(_Closing):
    """Speaks JSON."""

    def __init__(self, base: str, token: str | None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=base, headers=headers, timeout=SECONDS)

    def do(
        self,
        command: Command,
        command_id: str | None = None,
        expected_version: int | None = None,
        seconds: float = SECONDS,
    ) -> Receipt:
        found = PATHS[type(command)]
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": command_id or str(uuid4()),
            "Bizenv-Timeout": str(seconds),
        }
        if expected_version is not None:
            headers["If-Match"] = f'"{expected_version}"'
        path = found.path.replace(f"{{{found.identity}}}", getattr(command, found.identity))
        return msgspec.convert(
            self.call("POST", path, content=msgspec.json.encode(command), headers=headers, timeout=seconds + 5).json(),
            Receipt,
        )

    def ask(self, query: str, **fields: Any) -> dict[str, Any]:
        path = QUERY_PATHS[query]
        for name in [name for name in fields if f"{{{name}}}" in path]:
            path = path.replace(f"{{{name}}}", fields.pop(name))
        found: dict[str, Any] = self.call("GET", path, params=fields).json()
        return found

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request; raises Refused or Lost."""
        try:
            response = self.http.request(method, path, **options)
        except httpx.TransportError as error:
            raise Lost(repr(error)) from error
        if response.status_code != 200:
            problem = response.json()
            fields = tuple(violation["field"] for violation in problem.get("violations", ()))
            raise Refused(str(response.status_code), problem["code"], problem["english"], fields)
        return response

    def events(self, service: str, after: int = 0, limit: int = 1000) -> Iterator[dict[str, Any]]:
        """The whole feed of one service from a position on, page by page, to its present end."""
        while True:
            response = self.call("GET", "/v1/events", params={"service": service, "after": after, "limit": limit})
            page: list[dict[str, Any]] = response.json()
            if not page:
                return
            yield from page
            after = int(response.headers["Bizenv-Next"])

    def close(self) -> None:
        self.http.close()


class GrpcClient(_Closing):
    """Knows nothing beforehand: services, methods and messages come by reflection."""

    def __init__(self, address: str, token: str | None) -> None:
        """Several addresses (`ipv4:a:1,b:2`) take turns."""
        options = [("grpc.enable_retries", 0), ("grpc.service_config", _TURNS)]
        self.channel = grpc.insecure_channel(address, options=options)
        self._metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        self._database = ProtoReflectionDescriptorDatabase(self.channel)
        self._pool = DescriptorPool(self._database)
        self.services = self._services()
        self._methods = self._found_methods()

    def _services(self) -> list[str]:
        try:
            return list(self._database.get_services())
        except grpc.RpcError as error:
            raise _refusal(error) from error

    def _found_methods(self) -> dict[str, Any]:
        """Our methods by name."""
        ours = [name for name in self.services if name.startswith("bizenv.")]
        try:
            return {method.name: method for name in ours for method in self._pool.FindServiceByName(name).methods}
        except grpc.RpcError as error:
            raise _refusal(error) from error

    def do(
        self,
        command: Command,
        command_id: str | None = None,
        expected_version: int | None = None,
        seconds: float = SECONDS,
    ) -> Receipt:
        beside = [("idempotency-key", command_id or str(uuid4()))]
        if expected_version is not None:
            beside.append(("expected-version", str(expected_version)))
        answer = self.call(type(command).__name__, msgspec.to_builtins(command), seconds, *beside)
        return msgspec.convert({"event_ids": (), **answer}, Receipt, strict=False)

    def ask(self, query: str, **fields: Any) -> dict[str, Any]:
        return self.call(query, fields)

    def call(
        self, method: str, fields: dict[str, Any], seconds: float = SECONDS, *beside: tuple[str, str]
    ) -> dict[str, Any]:
        """Any unary method with these fields; raises Refused or Lost."""
        found = self._methods[method]
        request = message_factory.GetMessageClass(found.input_type)()
        json_format.ParseDict(_wire(found.input_type, fields), request)
        return self._plain(found, self.send(method, request.SerializeToString(), seconds, *beside))

    def send(self, method: str, data: bytes, seconds: float = SECONDS, *beside: tuple[str, str]) -> bytes:
        """Any unary method with these bytes; raises Refused or Lost."""
        found = self._methods[method]
        call: Any = self.channel.unary_unary(f"/{found.containing_service.full_name}/{method}")
        try:
            answer: bytes = call(data, timeout=seconds, metadata=(*self._metadata, *beside))
        except grpc.RpcError as error:
            raise _refusal(error) from error
        return answer

    def stream(self, method: str, **fields: Any) -> Iterator[dict[str, Any]]:
        """Any method that answers with many messages."""
        found = self._methods[method]
        request = message_factory.GetMessageClass(found.input_type)(**fields)
        call: Any = self.channel.unary_stream(f"/{found.containing_service.full_name}/{method}")
        try:
            for data in call(request.SerializeToString(), timeout=SECONDS, metadata=self._metadata):
                yield self._plain(found, data)
        except grpc.RpcError as error:
            raise _refusal(error) from error

    def close(self) -> None:
        self.channel.close()

    @staticmethod
    def _plain(method: Any, data: bytes) -> dict[str, Any]:
        answer = message_factory.GetMessageClass(method.output_type).FromString(data)
        found: dict[str, Any] = json_format.MessageToDict(answer, preserving_proto_field_name=True)
        return found


def _wire(message: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """The plain values as protobuf's JSON writes them: members of enums by their full names."""
    return {name: _value(message.fields_by_name[name], value) for name, value in fields.items() if value is not None}


def _value(field: Any, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_value(field, item) for item in value]
    if field.enum_type is not None:
        return next(name for name in field.enum_type.values_by_name if name.endswith(f"_{str(value).upper()}"))
    if field.message_type is not None and isinstance(value, dict):
        return _wire(field.message_type, value)
    return value


def _refusal(error: Any) -> Exception:
    """Refused with its details; Lost where the answer is not the platform's own."""
    trailers = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(trailers.get("grpc-status-details-bin", b""))
    code, fields = "", []
    for packed in status.details:
        info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if packed.Unpack(info):
            code = info.reason
        if packed.Unpack(bad):
            fields += [violation.field for violation in bad.field_violations]
    name = error.code().name
    if not code and name in ("UNAVAILABLE", "CANCELLED", "UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL"):
        return Lost(f"{name}: {error.details()}")
    return Refused(name, code, error.details() or "", tuple(fields))
