"""The load: callers in a process of their own, each with one call in flight, the same for a city and for an echo.

`python -m tests.bench.load` takes a `Load` as JSON on each line of its input, carries it out and prints a `Run` on a
line. The messages are made before the clock starts, so that making them is in nobody's time.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Iterator, Sequence

import grpc
import msgspec
import uvloop

from services.catalogue import SERVICES
from services.chassis.contracts.descriptors import build_contracts
from tests.bench.echo import METHOD
from tests.bench.messages import Message, Messages
from tests.bench.project_life import months, opening

WARM_UP_SECONDS = 0.5


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send what for how long; to several ports in turn. `first` names the projects, which must be new to the
    city."""

    ports: tuple[int, ...]
    callers: int
    seconds: float
    token: str
    first: str
    projects: int
    echo: bool = False


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a load: calls answered a second, and how long they took, in milliseconds."""

    rate: float
    p50_ms: float
    p99_ms: float
    request_bytes: float
    answer_bytes: float


class Caller:
    """Makes one call after another until the time is over, and one that counts however long that takes; whole lives of
    projects, one after another."""

    def __init__(self, lives: Iterator[list[Message]], channel: grpc.aio.Channel, load: Load) -> None:
        self._lives = lives
        self._channel = channel
        self._load = load
        self._metadata = (("authorization", f"Bearer {load.token}"),)
        self._calls: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self.took: list[float] = []
        self.sent = 0
        self.received = 0

    async def run(self, since: float, until: float) -> None:
        for messages in self._lives:
            for message in messages:
                started = time.perf_counter()
                if started >= until and self.took:
                    return
                answer = await self._call(message)
                now = time.perf_counter()
                if started >= since:
                    self.took.append(now - started)
                    self.sent += len(message.data)
                    self.received += len(answer)
        raise RuntimeError("the load ran out of messages before its time was over")

    async def _call(self, message: Message) -> bytes:
        method = METHOD if self._load.echo else message.method
        call = self._calls.get(method)
        if call is None:
            call = self._calls[method] = self._channel.unary_unary(method)
        answer: bytes = await call(message.data, metadata=self._metadata)
        return answer


async def carry_out(load: Load, messages: Messages) -> Run:
    projects = [f"{load.first}-{number}" for number in range(load.projects)]
    lives = [[messages.of(order) for order in (*opening(each), *months(each))] for each in projects]
    async with channel_to(load.ports) as channel:
        await channel.channel_ready()
        callers = [Caller(iter(lives[n :: load.callers]), channel, load) for n in range(load.callers)]
        since = time.perf_counter() + WARM_UP_SECONDS
        await asyncio.gather(*(caller.run(since, since + load.seconds) for caller in callers))
    return _run(callers, load)


def channel_to(ports: Sequence[int]) -> grpc.aio.Channel:
    """One connection to each of these ports of this machine, and calls to one after another."""
    where = ",".join(f"127.0.0.1:{port}" for port in ports)
    return grpc.aio.insecure_channel(f"ipv4:{where}", options=[("grpc.lb_policy_name", "round_robin")])


def _run(callers: list[Caller], load: Load) -> Run:
    took = sorted(each for caller in callers for each in caller.took)
    return Run(
        rate=len(took) / load.seconds,
        p50_ms=took[len(took) // 2] * 1000,
        p99_ms=took[len(took) * 99 // 100] * 1000,
        request_bytes=sum(caller.sent for caller in callers) / len(took),
        answer_bytes=sum(caller.received for caller in callers) / len(took),
    )


def main() -> None:
    messages = Messages(build_contracts(SERVICES))
    for line in sys.stdin.buffer:
        gc.collect()  # a load does not pay for the one before
        run = uvloop.run(carry_out(msgspec.json.decode(line, type=Load), messages))
        sys.stdout.buffer.write(msgspec.json.encode(run) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
