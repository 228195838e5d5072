"""Callers that send commands without a pause, remember each id, and repeat what was not answered under the same one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from services.chassis.commanding.gateway import Receipt
from services.chassis.domain import Command
from tests import lives
from tests.clients import Door, Lost, Refused
from tests.waiting import eventually

TRY_AGAIN = frozenset({"UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"})
"""Refusals after which the same command is sent again."""
PAUSE_SECONDS = 0.05
WEEKS = 200
"""Reports on one project, then comes the next."""
SETTLE_SECONDS = 90.0

A = TypeVar("A")


class Callers:
    """Each with its own way in; two and two report on the same project, so that their commands meet."""

    def __init__(self, doors: Iterable[Callable[[], Door]]) -> None:
        self.acknowledged: dict[str, Receipt] = {}
        self.refusals: Counter[str] = Counter()
        """Codes; `LOST` where no answer came."""
        self.wrong: list[str] = []
        self._ending = threading.Event()
        self._run = uuid4().hex[:6]
        self._threads = [
            threading.Thread(target=self._call, args=(number, door), daemon=True) for number, door in enumerate(doors)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Return once everybody has the answer to what he sent; AssertionError when that takes too long, or an answer
        was none that may be."""
        self._ending.set()
        for thread in self._threads:
            thread.join(SETTLE_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads), f"still unanswered; {self.refusals}"
        assert not self.wrong, self.wrong[:5]

    def more(self, commands: int, seconds: float = SETTLE_SECONDS) -> None:
        """Return once so many more commands were acknowledged."""
        goal = len(self.acknowledged) + commands
        eventually(lambda: len(self.acknowledged) >= goal or self.wrong, seconds, f"{goal} commands; {self.refusals}")

    def latest(self) -> Receipt:
        """One of the newest."""
        return next(reversed(self.acknowledged.values()))

    def missing_in(self, events: Iterable[dict[str, Any]]) -> list[str]:
        """What is wrong with the feed of project_tracking: acknowledged commands that are not in it once, as told."""
        recorded: dict[str, list[str]] = {}
        for event in events:
            recorded.setdefault(event["commandid"], []).append(event["id"])
        return [
            f"{command_id}: told {receipt.event_ids}, recorded {recorded.get(command_id)}"
            for command_id, receipt in self.acknowledged.items()
            if recorded.get(command_id, []) != list(receipt.event_ids)
        ]

    def _call(self, number: int, make: Callable[[], Door]) -> None:
        try:
            with make() as door:
                for order in self._orders(number):
                    if self._ending.is_set():
                        break
                    self._carry_out(door, order, str(uuid4()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shall hear of it
            self.wrong.append(repr(error))

    def _carry_out(self, door: Door, order: Command, command_id: str) -> None:
        while not self.wrong:
            try:
                self.acknowledged[command_id] = door.do(order, command_id)
                return
            except Lost:
                self.refusals["LOST"] += 1
            except Refused as refusal:
                self.refusals[refusal.code] += 1
                if refusal.code not in TRY_AGAIN:
                    raise
            self._ending.wait(PAUSE_SECONDS)

    def _orders(self, number: int) -> Iterator[Command]:
        """Every second week of projects that the neighbour reports on as well; both register them."""
        for turn in count():
            project = f"load-{self._run}-{number // 2}-{turn}"
            yield lives.registration(project)
            yield from (lives.weekly(project, week) for week in range(number % 2, WEEKS, 2))


@contextmanager
def calling(doors: Iterable[Callable[[], Door]]) -> Iterator[Callers]:
    """Callers at work; they settle at the end."""
    callers = Callers(doors)
    callers.start()
    try:
        yield callers
    finally:
        callers.finish()


def patiently(ask: Callable[[], A]) -> A:
    """The answer, asked for again while there is none: a process that was away is found by the others within seconds,
    and one whose servers were away finds them within seconds."""
    answers: list[A] = []

    def answered() -> bool:
        try:
            answers.append(ask())
        except Lost:
            return False
        except Refused as refusal:
            if refusal.code not in TRY_AGAIN:
                raise
        return bool(answers)

    eventually(answered, SETTLE_SECONDS, "an answer")
    return answers[0]
