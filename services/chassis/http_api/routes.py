"""The routes of the JSON API, made from the services' tables."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from services.chassis.admission import Admission
from services.chassis.commanding.gateway import Call, Gateway
from services.chassis.contracts.openapi import openapi_json
from services.chassis.contracts.paths import EVENTS_PATH, OPENAPI_PATH, CommandPath, command_paths
from services.chassis.errors import DeadlineExceeded, NotFound, describe
from services.chassis.feed.cloudevents import BATCH, to_batch
from services.chassis.feed.pages import ReadFeed, read_page
from services.chassis.feed.stream import Feed
from services.chassis.grpc_server.requests import Verifier
from services.chassis.http_api.answers import (
    JSON,
    NOT_ALLOWED,
    bytes_response,
    error_response,
    json_response,
    problem_response,
    receipt_response,
)
from services.chassis.http_api.disconnects import while_connected
from services.chassis.http_api.requests import SESSION_COOKIE, RequestReader, command_from, query_from
from services.chassis.service import QueryHandler, Service
from services.chassis.settings import Settings
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS
from services.chassis.telemetry.tracing import TraceContext, tracing

log = logger(__name__)

Answer = Callable[[Request, Call], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]
NEXT = "Bizenv-Next"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def api_routes(
    services: Iterable[Service], gateway: Gateway, verifier: Verifier, feed: Feed, settings: Settings
) -> list[Route]:
    """`/v1/…` and `/openapi.json`. At most `settings.command_queue` requests are in hand at once."""
    services = tuple(services)
    api = _Api(gateway, feed, RequestReader(verifier, settings), Admission(settings.command_queue))
    routes = [api.command(path) for service in services for path in command_paths(service)]
    routes += [api.query(handler) for service in services for handler in _fixed_first(service.queries)]
    routes.append(api.events())
    routes.append(_contract(services))
    routes.append(Route("/v1/{rest:path}", _unknown(tuple(routes)), methods=METHODS))
    return routes


def _fixed_first(queries: Iterable[QueryHandler]) -> list[QueryHandler]:
    """Paths without placeholders first, so that `/v1/projects/overdue` is not taken for a project's id."""
    return sorted(queries, key=lambda handler: handler.path.count("{"))


class _Api:
    """What the endpoints share."""

    def __init__(self, gateway: Gateway, feed: Feed, reader: RequestReader, admission: Admission) -> None:
        self._gateway = gateway
        self._feed = feed
        self._reader = reader
        self._admission = admission

    def command(self, found: CommandPath) -> Route:
        async def answer(request: Request, call: Call) -> Response:
            body = await self._reader.body(request, call.deadline)
            command: Any = command_from(body, found.command, found.identity, request.path_params[found.identity])
            return receipt_response(await self._gateway.execute(command, call))

        return Route(found.path, self._endpoint(answer, found.path), methods=["POST"])

    def query(self, handler: QueryHandler) -> Route:
        async def answer(request: Request, call: Call) -> Response:
            query: Any = query_from(request, handler.query)
            asked = self._gateway.ask(query, call)
            return json_response(await asked if query.token is None else await while_connected(request, asked))

        return Route(handler.path, self._endpoint(answer, handler.path), methods=["GET"])

    def events(self) -> Route:
        async def answer(request: Request, call: Call) -> Response:
            asked: Any = query_from(request, ReadFeed)
            return await self._page(asked, call)

        return Route(EVENTS_PATH, self._endpoint(answer, EVENTS_PATH), methods=["GET"])

    async def _page(self, asked: ReadFeed, call: Call) -> Response:
        """A page of events; `Bizenv-Next` and `Link` say where the next one begins, also after an empty page."""
        try:
            async with asyncio.timeout(call.deadline.remaining()):
                page = await read_page(self._feed, asked, call.principal, call.bearer)
        except TimeoutError:
            raise DeadlineExceeded("请求已超过期限", "the request's deadline has passed") from None
        parameters = {"service": asked.service, "after": page.after, "limit": asked.limit}
        link = f"{EVENTS_PATH}?{urlencode({name: value for name, value in parameters.items() if value is not None})}"
        return bytes_response(to_batch(page.events), BATCH, {NEXT: page.after, "Link": f'<{link}>; rel="next"'})

    def _endpoint(self, answer: Answer, route: str) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            started = time.perf_counter()
            trace = TraceContext.incoming(request.headers.get("traceparent"))
            try:
                with tracing(trace), self._admission:
                    response = await answer(request, self._reader.call(request, trace))
            except Exception as error:  # noqa: BLE001 - the door is where every error gets its answer
                response = _refusal(error, request, trace, route)
            _measure(route, request.method, response.status_code, started)
            return response

        return endpoint


def _measure(route: str, method: str, status: int, started: float) -> None:
    METRICS.http_requests.labels(route, method, str(status)).inc()
    METRICS.http_seconds.labels(route, method).observe(time.perf_counter() - started)


def _refusal(error: Exception, request: Request, trace: TraceContext, route: str) -> Response:
    """The error's answer; what is our own fault goes to the log, whole."""
    if describe(error).code == "INTERNAL":
        log.error("http_request_failed", route=route, trace_id=trace.trace_id, exc_info=error)
    given = "authorization" in request.headers or SESSION_COOKIE in request.cookies
    return error_response(error, token_given=given)


def _contract(services: tuple[Service, ...]) -> Route:
    @cache
    def document() -> bytes:
        return openapi_json(services)

    async def endpoint(request: Request) -> Response:
        return bytes_response(await asyncio.to_thread(document), JSON, {"Cache-Control": "no-cache"})

    return Route(OPENAPI_PATH, endpoint, methods=["GET"])


def _unknown(routes: tuple[Route, ...]) -> Endpoint:
    """The answer to a path that is none of ours, or to a method that its path does not take."""

    async def endpoint(request: Request) -> Response:
        started = time.perf_counter()
        response = answer(request)
        _measure("unknown", request.method, response.status_code, started)
        return response

    def answer(request: Request) -> Response:
        allowed = {
            method
            for route in routes
            if route.matches(request.scope)[0] is not Match.NONE
            for method in route.methods or ()
        }
        if not allowed:
            return error_response(NotFound("没有这个网址", "there is no such path"))
        response = problem_response(NOT_ALLOWED)
        response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    return endpoint
