"""Commands at a steady pace, each followed until the views show its fact.

`python -m tests.bench.latency` takes a `Pace` as JSON on its input and prints `Latencies`. The pace does not wait
for answers (an open loop), so that a server that falls behind is seen to.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import NamedTuple

import grpc
import msgspec
import uvloop

from services.catalogue import SERVICES
from services.chassis.contracts.descriptors import build_contracts
from services.chassis.domain import Command
from services.projection.queries import GetProjectTimeline
from tests.bench.load import channel_to
from tests.bench.messages import Message, Messages
from tests.bench.project_life import life

FOLLOWED = 4
"""Every so many-th command is followed: 50 questions a second, more than a city's staff ask."""

LANES = 100
"""Projects that live side by side; of one project an order follows when the one before is answered."""

WARM_UP = 1.0


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """So many commands a second to the gRPC door at `port`; the questions go to the one at `ask_port` (None: the
    same). `first` names the projects, which must be new to the city."""

    port: int
    ask_port: int | None = None
    a_second: int
    seconds: float
    token: str
    first: str


class Latencies(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds: until the command was answered, and from sending it until a question is answered that
    its fact must be in."""

    answered_p99_ms: float
    seen_p50_ms: float
    seen_p99_ms: float
    followed: int
    a_second: float


class Doors(NamedTuple):
    """Where commands go, and where questions do."""

    commands: grpc.aio.Channel
    questions: grpc.aio.Channel


class Lane:
    """The orders of one project after another; the fact of every fourth is asked for at once, by its version."""

    def __init__(self, doors: Doors, messages: Messages, pace: Pace, name: str, offset: int) -> None:
        self._doors = doors
        self._messages = messages
        self._metadata = (("authorization", f"Bearer {pace.token}"),)
        self._orders = _lives(name)
        self._offset = offset
        self.answered: list[float] = []
        self.seen: list[float] = []

    async def run(self, start: float, pause: float, count: int) -> None:
        for turn in range(count):
            await asyncio.sleep(start + turn * pause - time.perf_counter())
            await self._one(follow=(turn + self._offset) % FOLLOWED == 0)

    async def _one(self, follow: bool) -> None:
        order = next(self._orders)
        sent = time.perf_counter()
        receipt = self._messages.answer_to(order, await self._call(self._doors.commands, self._messages.of(order)))
        self.answered.append(time.perf_counter() - sent)
        if follow:
            question = GetProjectTimeline(
                project_id=receipt.stream.partition("-")[2], version=receipt.version, token=receipt.token
            )
            await self._call(self._doors.questions, self._messages.of(question))
            self.seen.append(time.perf_counter() - sent)

    async def _call(self, door: grpc.aio.Channel, message: Message) -> bytes:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = door.unary_unary(message.method)
        answer: bytes = await call(message.data, metadata=self._metadata)
        return answer


def _lives(name: str) -> Iterator[Command]:
    number = 0
    while True:
        yield from (order for order in life(f"{name}-{number}") if not type(order).__name__.startswith("Record"))
        number += 1


async def keep_pace(pace: Pace) -> Latencies:
    messages = Messages(build_contracts(SERVICES))
    ask_port = pace.port if pace.ask_port is None else pace.ask_port
    async with channel_to([pace.port]) as commands, channel_to([ask_port]) as questions:
        await asyncio.gather(commands.channel_ready(), questions.channel_ready())
        doors = Doors(commands, questions)
        lanes = [Lane(doors, messages, pace, f"{pace.first}-{number}", number) for number in range(LANES)]
        pause = LANES / pace.a_second
        count = int((pace.seconds + WARM_UP) / pause)
        begun = time.perf_counter()
        starts = [begun + number * pause / LANES for number in range(LANES)]
        await asyncio.gather(*(lane.run(start, pause, count) for lane, start in zip(lanes, starts, strict=True)))
        took = time.perf_counter() - begun
    return _summary(lanes, int(WARM_UP / pause), LANES * count / took)


def _summary(lanes: list[Lane], skipped: int, a_second: float) -> Latencies:
    answered = sorted(each for lane in lanes for each in lane.answered[skipped:])
    seen = sorted(each for lane in lanes for each in lane.seen[skipped // FOLLOWED :])
    return Latencies(
        answered_p99_ms=answered[len(answered) * 99 // 100] * 1000,
        seen_p50_ms=seen[len(seen) // 2] * 1000,
        seen_p99_ms=seen[len(seen) * 99 // 100] * 1000,
        followed=len(seen),
        a_second=a_second,
    )


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Pace)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(keep_pace(given))))
