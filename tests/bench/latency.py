"""Commands at a steady pace, each followed until the views show its fact.

`python -m tests.bench.latency` takes a `Pace` as JSON on its input and prints `Latencies`. The pace does not wait
for answers (an open loop). A time counts from the instant at which the command was due: one that is sent late, because
the order before it was not answered or the load itself fell behind, has waited as well.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
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
    """Milliseconds from the instant at which a command was due: until it was answered, and until a question is
    answered that its fact must be in. `a_second`: how many commands were answered a second."""

    answered_p99_ms: float
    seen_p50_ms: float
    seen_p99_ms: float
    followed: int
    a_second: float


class Answer(NamedTuple):
    """When a command was due, and when it, or the question that followed it, was answered."""

    due: float
    at: float


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
        self.answered: list[Answer] = []
        self.seen: list[Answer] = []

    async def run(self, start: float, pause: float, count: int) -> None:
        for turn in range(count):
            due = start + turn * pause
            await asyncio.sleep(due - time.perf_counter())
            await self._one(due, follow=(turn + self._offset) % FOLLOWED == 0)

    async def _one(self, due: float, follow: bool) -> None:
        order = next(self._orders)
        receipt = self._messages.answer_to(order, await self._call(self._doors.commands, self._messages.of(order)))
        self.answered.append(Answer(due, time.perf_counter()))
        if follow:
            question = GetProjectTimeline(
                project_id=receipt.stream.partition("-")[2], version=receipt.version, token=receipt.token
            )
            await self._call(self._doors.questions, self._messages.of(question))
            self.seen.append(Answer(due, time.perf_counter()))

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
    return summary(
        [each for lane in lanes for each in lane.answered],
        [each for lane in lanes for each in lane.seen],
        begun + WARM_UP,
        pace.seconds,
    )


def summary(answered: Sequence[Answer], seen: Sequence[Answer], since: float, seconds: float) -> Latencies:
    """Of what was due since then. The pace is what was answered within so many seconds: where the server or the load
    falls behind, that is less than was due."""
    took, followed = _milliseconds(answered, since), _milliseconds(seen, since)
    return Latencies(
        answered_p99_ms=took[len(took) * 99 // 100],
        seen_p50_ms=followed[len(followed) // 2],
        seen_p99_ms=followed[len(followed) * 99 // 100],
        followed=len(followed),
        a_second=sum(since <= each.at < since + seconds for each in answered) / seconds,
    )


def _milliseconds(answers: Sequence[Answer], since: float) -> list[float]:
    return sorted((each.at - each.due) * 1000 for each in answers if each.due >= since)


if __name__ == "__main__":
    given = msgspec.json.decode(sys.stdin.buffer.read(), type=Pace)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(keep_pace(given))))
