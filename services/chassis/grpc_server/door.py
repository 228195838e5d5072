"""The gRPC server of a process: its port, its services, health and reflection."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from services.chassis.admission import Admission
from services.chassis.commanding.gateway import Gateway
from services.chassis.contracts.descriptors import Contracts, build_contracts
from services.chassis.feed.stream import Feed
from services.chassis.grpc_server.handlers import Handlers
from services.chassis.grpc_server.requests import LONGEST_SECONDS, CallReader, Verifier
from services.chassis.service import Service
from services.chassis.settings import Settings
from services.chassis.settings.addresses import is_loopback
from services.chassis.settings.tls import door_identity
from services.chassis.telemetry.logs import logger

log = logger(__name__)

PENDING = 1_000_000
"""Calls that the core may hold before we see them: more than clients can have under way."""

PENDING_SECONDS = 3600
"""How long the core may hold a call before we see it: longer than any caller waits."""

LEAST_PING_MILLISECONDS = 10_000
"""A client that asks more often whether we live is sent away; peers ask at three times this (`peers.channels`)."""

PINGS = (
    ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_MILLISECONDS),
    ("grpc.keepalive_permit_without_calls", 1),
)

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class GrpcDoor:
    """Serves every command and query of the services. Lives on the event loop that starts it.

    `reflection_on` lets tools ask for the contracts without a token; they are public anyway.
    """

    def __init__(
        self,
        services: Iterable[Service],
        gateway: Gateway,
        verifier: Verifier,
        feed: Feed,
        settings: Settings,
        *,
        reflection_on: bool = True,
        contracts: Contracts | None = None,
    ) -> None:
        self._contracts = contracts or build_contracts(services)
        self._settings = settings
        self._reflection_on = reflection_on
        admission = Admission(settings.command_queue)
        self._handlers = Handlers(self._contracts, gateway, feed, CallReader(verifier), admission)
        self._serving = dict.fromkeys((service.service for service in self._contracts.services), False)
        self._health: Any = None
        self._server: Any = None
        self.port = 0

    async def listen(self) -> None:
        """Take the port; OSError with one sentence when it is taken or the address is not ours."""
        self._server = grpc.aio.server(options=self._options())
        for service in self._contracts.services:
            handlers = self._handlers.of(service)
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
        self._add_health()
        if self._reflection_on:
            self._add_reflection()
        try:
            self.port = self._listen()
        except OSError:
            await self._server.stop(0)
            raise

    async def start(self) -> None:
        """Answer, and take the port where `listen` has not. Health says NOT_SERVING until `set_serving`."""
        if self._server is None:
            await self.listen()
        await self._server.start()
        await self._publish()

    async def stop(self, grace: float) -> None:
        """Say NOT_SERVING, take no new RPC, wait up to `grace` seconds for those in hand, then cancel them."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(grace)

    async def set_serving(self, serving: bool, *names: str) -> None:
        """Tell health of these bounded contexts (all without a name); the whole serves when all of them do."""
        for name in names or tuple(self._serving):
            self._serving[name] = serving
        await self._publish()

    def _options(self) -> list[tuple[str, int]]:
        """Two processes on one port would share its calls unseen, so the port is ours alone.

        Where many calls wait to be taken up, gRPC's core drops some at random, and any after 30 seconds, which their
        callers see as CANCELLED and nobody counts. We refuse by ourselves what is too much (`Admission`), so its bounds
        lie out of reach.

        A client looks a name up anew when a connection ends. So each ends in time, with a word ahead (GOAWAY) and
        without loss: what is in hand on it is finished, new calls go over another one.
        """
        largest = self._settings.max_message_bytes
        age = [
            ("grpc.max_connection_age_ms", int(self._settings.grpc_connection_seconds * 1000)),
            ("grpc.max_connection_age_grace_ms", int(LONGEST_SECONDS * 1000)),
        ]
        waiting = ("grpc.server.max_pending_requests", "grpc.server.max_pending_requests_hard_limit")
        bounds = [
            *((name, PENDING) for name in waiting),
            ("grpc.server_max_unrequested_time_in_server", PENDING_SECONDS),
        ]
        return [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", largest), *bounds, *age, *PINGS]

    def _listen(self) -> int:
        host, port = self._settings.grpc_host, self._settings.grpc_port
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = self._bind(address)
        except RuntimeError as error:
            sentence = (
                f"gRPC 地址 {address} 无法使用,可能已被占用 · the gRPC address {address} can't be used; is it taken?"
            )
            raise OSError(errno.EADDRINUSE, sentence) from error
        return bound

    def _bind(self, address: str) -> int:
        """Over TLS where there is a certificate; else tokens can be read on the way, which is told."""
        identity = door_identity(self._settings)
        if identity is not None:
            secured: int = self._server.add_secure_port(address, grpc.ssl_server_credentials([identity]))
            return secured
        if not is_loopback(self._settings.grpc_host):
            log.warning("grpc_in_plain_text", address=address, setting="BIZENV_GRPC_CERTIFICATE_FILE")
        bound: int = self._server.add_insecure_port(address)
        return bound

    def _add_health(self) -> None:
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, _ByName(self._server))

    def _add_reflection(self) -> None:
        """Served on the event loop. `enable_server_reflection` takes a server that it sees by `_ByName` for a
        synchronous one: each open stream would hold a thread, which fails unheard when the server stops."""
        for module in (health_pb2, reflection_pb2):
            self._contracts.pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        names = [service.full_name for service in self._contracts.services]
        offered = (*names, health.SERVICE_NAME, reflection.SERVICE_NAME)
        servicer = reflection.aio.ReflectionServicer(offered, pool=self._contracts.pool)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, _ByName(self._server))

    async def _publish(self) -> None:
        for service in self._contracts.services:
            await self._health.set(service.full_name, _state(self._serving[service.service]))
        await self._health.set(health.OVERALL_HEALTH, _state(all(self._serving.values())))


class _ByName:
    """A server as generated code adds methods to it. They are found by their names only: each that is registered with
    gRPC's core beside it is one more future that the server waits for anew at every call of any method."""

    def __init__(self, server: Any) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Nothing: they were added as generic ones."""


def _state(serving: bool) -> Any:
    return _SERVING if serving else _NOT_SERVING
