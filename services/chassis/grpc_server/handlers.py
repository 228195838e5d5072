"""Generic handlers: request bytes → Struct → gateway → Struct → bytes.

Messages are taken as bytes, so that malformed ones are INVALID_ARGUMENT with details and not gRPC's INTERNAL.
Everything that does not change from call to call is made once for each method.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import msgspec

from services.chassis.admission import Admission
from services.chassis.commanding.gateway import Call, Gateway
from services.chassis.contracts.convert import Codec
from services.chassis.contracts.descriptors import Contracts
from services.chassis.contracts.model import Rpc, RpcService
from services.chassis.envelope import Envelope
from services.chassis.errors import describe
from services.chassis.feed.cloudevents import SOURCE_PREFIX
from services.chassis.feed.stream import PAGE, Feed, FeedEvent, ReadEvents
from services.chassis.grpc_server.problems import FROM_PEER, PEER_KEY, PROBLEM_KEY, whole_of
from services.chassis.grpc_server.requests import CallReader
from services.chassis.grpc_server.status import DETAILS_KEY, code_of, details_of, message_of
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.telemetry.tracing import TraceContext, tracing

log = logger(__name__)

STREAMS = 64
"""Feeds that may be read at once. They have a bound of their own, so that slow readers shut out no command."""

Unary = Callable[[bytes, Any], Awaitable[bytes]]


class Measured:
    """The metrics of one method; the label values are looked up once."""

    def __init__(self, service: str, method: str) -> None:
        self._started = METRICS.grpc_started.labels(service, method)
        self._seconds = METRICS.grpc_seconds.labels(service, method)
        self._handled = {code.name: METRICS.grpc_handled.labels(service, method, code.name) for code in grpc.StatusCode}

    def start(self) -> float:
        self._started.inc()
        return time.perf_counter()

    def end(self, started: float, code: str) -> None:
        self._handled[code].inc()
        self._seconds.observe(time.perf_counter() - started)


class Handlers:
    """Makes the handlers of one door. They run on its event loop."""

    def __init__(
        self, contracts: Contracts, gateway: Gateway, feed: Feed, reader: CallReader, admission: Admission
    ) -> None:
        self._contracts = contracts
        self._gateway = gateway
        self._feed = feed
        self._reader = reader
        self._admission = admission
        self._streams = Admission(STREAMS)

    def of(self, service: RpcService) -> dict[str, Any]:
        """gRPC's method handlers of one service, by method name."""
        return {rpc.name: self._handler(service, rpc) for rpc in service.rpcs}

    def _handler(self, service: RpcService, rpc: Rpc) -> Any:
        request = Codec(rpc.request, self._contracts.message(f"{service.package}.{rpc.name}Request"))
        response = Codec(rpc.response, self._contracts.message(f"{service.package}.{rpc.name}Response"))
        measured = Measured(service.full_name, rpc.name)
        if rpc.kind == "feed":
            return grpc.unary_stream_rpc_method_handler(self._stream(rpc, request, response, measured))
        answer = self._gateway.execute if rpc.kind == "command" else self._gateway.ask
        return grpc.unary_unary_rpc_method_handler(self._unary(rpc, request, response, answer, measured))

    def _unary(
        self,
        rpc: Rpc,
        request: Codec[Any],
        response: Codec[Any],
        answer: Callable[[Any, Call], Awaitable[msgspec.Struct]],
        measured: Measured,
    ) -> Unary:
        decode, encode, read, admission = request.decode, response.encode, self._reader.read, self._admission

        async def handle(data: bytes, context: Any) -> bytes:
            started, code = measured.start(), "OK"
            metadata = dict(context.invocation_metadata())
            trace = TraceContext.incoming(metadata.get("traceparent"))
            FROM_PEER.set(PEER_KEY in metadata)
            try:
                with tracing(trace), admission:
                    call = read(context, trace, metadata)
                    return encode(await answer(decode(data), call))
            except asyncio.CancelledError:
                code = "CANCELLED"
                raise
            except Exception as error:
                code = problem_code(error, rpc.name, trace)
                await abort(context, error, whole=PEER_KEY in metadata)
                raise  # never reached: abort raises
            finally:
                measured.end(started, code)

        return handle

    def _stream(
        self, rpc: Rpc, request: Codec[Any], response: Codec[Any], measured: Measured
    ) -> Callable[[bytes, Any], AsyncIterator[bytes]]:
        async def handle(data: bytes, context: Any) -> AsyncIterator[bytes]:
            started, code = measured.start(), "OK"
            metadata = dict(context.invocation_metadata())
            trace = TraceContext.incoming(metadata.get("traceparent"))
            FROM_PEER.set(PEER_KEY in metadata)
            try:
                with self._streams:
                    self._reader.read(context, trace, metadata)
                    async for event in self._events(request.decode(data), metadata):
                        yield response.encode(event)
            except (asyncio.CancelledError, GeneratorExit):
                code = "CANCELLED"
                raise
            except Exception as error:
                code = problem_code(error, rpc.name, trace)
                await abort(context, error, whole=PEER_KEY in metadata)
                raise  # never reached: abort raises
            finally:
                measured.end(started, code)

        return handle

    async def _events(self, asked: ReadEvents, metadata: dict[str, Any]) -> AsyncIterator[FeedEvent]:
        """Page after page to the present end, or to the limit. The token is judged anew for each page."""
        after, left = asked.after, asked.limit
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = await self._feed.read(asked.service, after, size, *self._reader.caller(metadata))
            for envelope, previous in page:
                yield feed_event(envelope, previous)
            if len(page) < size:
                return
            after = page[-1][0].position
            left = None if left is None else left - len(page)


def feed_event(envelope: Envelope, previous: int) -> FeedEvent:
    """An event as the feed's proto has it; `previous` is the position before it in its partition, 0 for the first."""
    return FeedEvent(
        id=envelope.id,
        source=SOURCE_PREFIX + envelope.service,
        type=envelope.type,
        subject=envelope.stream,
        time=envelope.recorded_at,
        occurred_on=envelope.occurred_on,
        actor=envelope.actor,
        epoch=envelope.epoch,
        position=envelope.position,
        partition=envelope.partition,
        previous=previous,
        version=envelope.version,
        command_id=envelope.command_id,
        command_hash=envelope.command_hash,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
        traceparent=envelope.traceparent,
        data=envelope.data,
        store_id=envelope.store_id,
    )


def problem_code(error: Exception, method: str, trace: TraceContext) -> str:
    """The status code's name; what is our own fault goes to the log, whole."""
    code = describe(error).grpc
    if code == "INTERNAL":
        log.error("rpc_failed", method=method, trace_id=trace.trace_id, exc_info=error)
    return code


async def abort(context: Any, error: Exception, *, whole: bool = False) -> None:
    """End the RPC with the error's status, for a peer also with the `whole` problem; raises gRPC's AbortError."""
    problem = describe(error)
    details = (DETAILS_KEY, details_of(problem))
    trailers = (details, (PROBLEM_KEY, whole_of(problem))) if whole else (details,)
    await context.abort(code_of(problem), message_of(problem), trailers)
