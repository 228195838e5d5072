"""Callers in a process of their own: they send commands with ids they remember, and repeat what was not answered.

It is told by lines of JSON on stdin and answers by lines on stdout; its journal is a file of lines of JSON.

    {"go": {"http": "http://…", "grpc": "…"}}   send there
    {"settle": true}                            begin nothing new → {"settled": true, "acknowledged": n} when all is

It ends with its stdin.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

from services.chassis.commanding.gateway import Receipt
from tests.clients import Door, GrpcClient, HttpClient, Lost, Refused
from tests.faults.journal import Journal, Order
from tests.faults.work import Work

CALLERS = 8
TRY_AGAIN = frozenset({"UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"})
PAUSE_SECONDS = 0.05


class Place(NamedTuple):
    """Where the city is served now; the number tells one start from the next."""

    number: int
    http: str
    grpc: str


class Gate:
    """Lets the callers through while the city is there, and tells when they all have what they wanted."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._place: Place | None = None
        self._settling = False
        self._stopping = False
        self._busy = set(range(CALLERS))
        self.lost = threading.Event()

    def open(self, http: str, grpc: str, number: int) -> None:
        with self._changed:
            self._place, self._settling = Place(number, http, grpc), False
            self.lost.clear()
            self._changed.notify_all()

    def lose(self, place: Place) -> None:
        """This place answers no more."""
        with self._changed:
            if self._place == place:
                self._place = None
                self.lost.set()
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def enter(self, caller: int, pending: bool) -> Place | None:
        """Where to send next; waits while there is nowhere, or nothing is to be begun. None: it is over."""
        with self._changed:
            while not self._stopping:
                if self._place is not None and (pending or not self._settling):
                    self._busy.add(caller)
                    return self._place
                if not pending and caller in self._busy:
                    self._busy.remove(caller)
                    self._changed.notify_all()
                self._changed.wait()
            return None

    def pause(self) -> None:
        """Before the same is tried again; ends early when the city is lost."""
        self.lost.wait(PAUSE_SECONDS)

    def settle(self) -> bool:
        """Wait until nobody has anything in hand; False when the city is lost before."""
        with self._changed:
            self._settling = True
            self._changed.notify_all()
            while self._busy and not self.lost.is_set():
                self._changed.wait()
            return not self._busy


class Caller:
    """One caller: some projects of its own, one shared with its neighbour, both doors."""

    def __init__(self, number: int, token: str, seed: int, gate: Gate, journal: Journal) -> None:
        self._number = number
        self._token = token
        self._gate = gate
        self._journal = journal
        self._random = random.Random(f"{seed}/{number}")
        self._work = Work(number, seed, self._random)
        self._doors: list[Door] = []
        self._place: Place | None = None
        self._pending: Order | None = None

    def run(self) -> None:
        while (place := self._gate.enter(self._number, self._pending is not None)) is not None:
            try:
                self._turn(place)
            except Lost:
                self._gate.lose(place)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not an answer: the journal says so
                self._journal.wrong(repr(error))
                self._pending = None
        self._leave()

    def _turn(self, place: Place) -> None:
        if place != self._place:
            self._arrive(place)
        if self._pending is None:
            self._pending = self._work.next()
            self._journal.sent(self._pending)
        order, door = self._pending, self._random.choice(self._doors)
        try:
            receipt = door.do(order.command, order.command_id)
        except Refused as refusal:
            if refusal.code in TRY_AGAIN:
                self._gate.pause()
                return
            self._journal.wrong(f"{order} refused: {refusal}")
            self._pending = None
            return
        self._journal.answered(order, receipt)
        self._pending = None
        if receipt.event_ids:
            self._look_again(order, receipt)

    def _look_again(self, order: Order, receipt: Receipt) -> None:
        """Now and then send the same once more, or read what was written."""
        dice = self._random.random()
        if dice < 0.1:
            again = self._random.choice(self._doors).do(order.command, order.command_id)
            if (again.event_ids, again.version, again.repeated) != (receipt.event_ids, receipt.version, True):
                self._journal.wrong(f"{order} was answered {receipt}, then {again}")
        elif dice < 0.2:
            project = receipt.stream.removeprefix("project-")
            answer = self._random.choice(self._doors).ask("GetProject", project_id=project, token=receipt.token)
            if int(answer["line"]["version"]) < receipt.version:
                self._journal.wrong(f"{receipt} was not to be read: {answer['line']['version']}")

    def _arrive(self, place: Place) -> None:
        self._leave()
        self._doors = [HttpClient(place.http, self._token), GrpcClient(place.grpc, self._token)]
        self._place = place

    def _leave(self) -> None:
        for door in self._doors:
            door.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    journal, gate = Journal(given.journal), Gate()
    callers = [Caller(number, given.token, given.seed, gate, journal) for number in range(CALLERS)]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    for number, line in enumerate(sys.stdin):
        _obey(json.loads(line), number, gate, journal)
    gate.stop()
    for thread in threads:
        thread.join()


def _obey(order: dict[str, Any], number: int, gate: Gate, journal: Journal) -> None:
    if "go" in order:
        gate.open(order["go"]["http"], order["go"]["grpc"], number)
        return
    settled = gate.settle()
    sys.stdout.write(json.dumps({"settled": settled, "acknowledged": journal.acknowledged}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
