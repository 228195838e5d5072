"""Connections to the HTTP door: a client that does not go on is not waited for, and there are only so many."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.chassis.hosting.http_server import HttpDoor
from services.chassis.settings import Settings

pytestmark = pytest.mark.asyncio

QUICK = Settings(http_port=0, http_header_seconds=0.5, http_body_seconds=1, http_idle_seconds=3, http_connections=3)
LATE = 15
"""Seconds after which an end is no longer that of these settings, on a machine that has much else to do."""
GET = b"GET / HTTP/1.1\r\nHost: city\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: city\r\nContent-Length: 10\r\n\r\n"
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(request: Request) -> Response:
    return PlainTextResponse(f"{len(await request.body())}")


async def unread(_request: Request) -> Response:
    return PlainTextResponse("?")


RELEASE: ContextVar[asyncio.Event] = ContextVar("release")


async def slow(_request: Request) -> Response:
    await RELEASE.get().wait()
    return PlainTextResponse("slow")


@asynccontextmanager
async def served(settings: Settings = QUICK) -> AsyncIterator[Callable[[], Awaitable[Client]]]:
    routes = [Route("/", answer, methods=["GET", "POST"]), Route("/unread", unread, methods=["POST"])]
    door = HttpDoor([*routes, Route("/slow", slow)], settings)
    await door.start()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
        writers.append(writer)
        return reader, writer

    try:
        yield connect
    finally:
        for writer in writers:
            writer.close()
        await door.stop(0)


async def closed_after(reader: asyncio.StreamReader) -> tuple[bytes, float]:
    """All that still came, and after how many seconds the connection ended."""
    started = time.monotonic()
    told = await asyncio.wait_for(reader.read(), 30)
    return told, time.monotonic() - started


async def answered(connect: Callable[[], Awaitable[Client]]) -> bytes:
    """The head of the answer to one request on a connection of its own."""
    reader, writer = await connect()
    writer.write(GET)
    return await reader.readuntil(b"\r\n\r\n")


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: city\r\n"])
async def test_a_header_that_does_not_arrive_ends_the_connection(sent: bytes) -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(sent)
        told, seconds = await closed_after(reader)
    assert told == b""
    assert 0.2 < seconds < LATE


async def test_a_header_that_trickles_in_ends_the_connection_too() -> None:
    """The time runs for all of it, not from byte to byte."""
    async with served() as connect:
        reader, writer = await connect()
        ended = asyncio.create_task(closed_after(reader))
        writer.write(b"GET / HTTP/1.1\r\nX-Long: ")
        while not ended.done():
            writer.write(b"x")
            await asyncio.wait([ended], timeout=0.02)
        told, seconds = await ended
    assert told == b""
    assert seconds < LATE


@pytest.mark.parametrize("path", [b"/", b"/unread"])
async def test_a_body_that_does_not_arrive_ends_the_connection(path: bytes) -> None:
    """Whether somebody waits for it or the answer was given without it."""
    async with served() as connect:
        reader, writer = await connect()
        writer.write(POST.replace(b" / ", b" %b " % path) + b"half")
        _, seconds = await closed_after(reader)
    assert 0.5 < seconds < LATE


async def test_an_idle_connection_ends_and_a_used_one_goes_on() -> None:
    """The used one outlives another one that was opened after it and is never used again."""
    async with served() as connect:
        reader, writer = await connect()
        idle, once = await connect()
        once.write(GET)
        ended = asyncio.create_task(closed_after(idle))
        while not ended.done():
            await _use(reader, writer)
            await asyncio.wait([ended], timeout=0.1)
        assert (await ended)[0].startswith(b"HTTP/1.1 200")
        await _use(reader, writer)
        _, seconds = await closed_after(reader)
    assert 0.6 < seconds < LATE


async def _use(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(GET)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
    await reader.readexactly(1)


async def test_an_answer_may_take_longer_than_a_request() -> None:
    """The time for a whole request, header and body, passes on another connection meanwhile."""
    RELEASE.set(release := asyncio.Event())
    async with served() as connect:
        reader, writer = await connect()
        writer.write(GET.replace(b" / ", b" /slow "))
        other, unfinished = await connect()
        unfinished.write(POST + b"half")
        await closed_after(other)
        release.set()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_the_second_request_of_a_connection_is_timed_like_the_first() -> None:
    async with served() as connect:
        reader, writer = await connect()
        writer.write(POST + b"0123456789" + b"GET / HT")
        told, seconds = await closed_after(reader)
    assert told.startswith(b"HTTP/1.1 200")
    assert seconds < LATE


async def test_one_connection_too_many_is_refused_and_the_others_go_on() -> None:
    async with served() as connect:
        clients = [await connect() for _ in range(3)]
        for reader, writer in clients:
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")
        reader, _ = await connect()
        told, _ = await closed_after(reader)
        assert told.startswith(b"HTTP/1.1 503")
        first, writer = clients[0]
        await first.readexactly(1)
        writer.write(GET)
        assert (await first.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        async with asyncio.timeout(30):
            while not (await answered(connect)).startswith(b"HTTP/1.1 200"):
                pass
