"""Callers in a process of their own: commands and queries through every door of every process, until stdin ends.

What was not answered is sent again under its id, by any door, until it is: for `SETTLE_SECONDS` after stdin's end.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from services.chassis.commanding.gateway import Receipt
from services.policy_registry.unit_registry.commands import RegistryOrder
from tests.clients import GrpcClient, HttpClient, Lost, Refused
from tests.faults.journal import Journal, Order
from tests.faults.work import Work

CALLERS = 8
COMMAND_SECONDS = 8.0
BREATH_SECONDS = (0.0, 0.08)
"""From one answer to the next command: what is recorded must be audited afterwards."""
POSTS = 0.08
"""The part of the orders that is another service's."""
AGAIN_SECONDS = 0.2
SETTLE_SECONDS = 120.0
TRY_AGAIN = frozenset({"UNAVAILABLE", "OVERLOADED", "DEADLINE_EXCEEDED"})


class Entry:
    """One door of one process; opened when it is needed, closed when it answers no more."""

    def __init__(self, open_door: Callable[[], HttpClient | GrpcClient]) -> None:
        self._open = open_door
        self._door: HttpClient | GrpcClient | None = None

    def do(self, order: Order) -> Receipt:
        """Raises Refused or Lost."""
        receipt: Receipt = self._try(lambda door: door.do(order.command, order.command_id, seconds=COMMAND_SECONDS))
        return receipt

    def look(self, project: str, token: str) -> int:
        """The version at which the board shows the project. Raises Refused or Lost."""
        answer = self._try(lambda door: door.ask("GetProject", project_id=project, token=token))
        return int(answer["line"]["version"])

    def _try(self, what: Callable[[Any], Any]) -> Any:
        try:
            self._door = self._door or self._open()
            return what(self._door)
        except Lost:
            self.close()
            raise

    def close(self) -> None:
        door, self._door = self._door, None
        if door is not None:
            door.close()


class Caller:
    """Sends one command after another; now and then the same again, or a query for what it did."""

    def __init__(self, number: int, given: argparse.Namespace, journal: Journal, ending: threading.Event) -> None:
        self._journal = journal
        self._ending = ending
        self._random = random.Random(f"{given.seed}/{number}")
        self._work = Work(number, given.seed, self._random, posts=POSTS)
        self._commands = [_http(each, given.token) for each in given.http]
        self._commands += [_grpc(each, given.token) for each in given.commands]
        self._policy = [_http(each, given.token) for each in given.http]
        self._policy += [_grpc(each, given.token) for each in given.policy]
        self._queries = [_http(each, given.token) for each in given.http]
        self._queries += [_grpc(each, given.token) for each in given.queries]

    def run(self) -> None:
        while not self._ending.is_set():
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - as below
                self._journal.wrong(_told(error))
            self._ending.wait(self._random.uniform(*BREATH_SECONDS))
        for entry in (*self._commands, *self._policy, *self._queries):
            entry.close()

    def _turn(self) -> None:
        order = self._work.next()
        self._journal.sent(order)
        receipt = self._insist(order)
        if receipt is not None:
            self._journal.answered(order, receipt)
            self._look_again(order, receipt)

    def _insist(self, order: Order) -> Receipt | None:
        """Until it is answered; None: it never was, or with what no caller of ours deserves."""
        until: float | None = None
        while until is None or time.monotonic() < until:
            if until is None and self._ending.is_set():
                until = time.monotonic() + SETTLE_SECONDS
            try:
                return self._random.choice(self._doors(order)).do(order)
            except Lost:
                pass
            except Refused as refusal:
                if refusal.code not in TRY_AGAIN:
                    self._journal.wrong(f"{order} refused: {refusal}")
                    return None
            except Exception as error:  # noqa: BLE001 - whatever it is, it is not an answer: the journal says so
                self._journal.wrong(_told(error))
            threading.Event().wait(AGAIN_SECONDS)
        return None

    def _doors(self, order: Order) -> list[Entry]:
        return self._policy if isinstance(order.command, RegistryOrder) else self._commands

    def _look_again(self, order: Order, receipt: Receipt) -> None:
        dice = self._random.random()
        if not receipt.event_ids:
            return
        if dice < 0.1:
            again = self._insist(order)
            if again is not None and (again.event_ids, again.version) != (receipt.event_ids, receipt.version):
                self._journal.wrong(f"{order} was answered {receipt}, then {again}")
        elif dice < 0.3 and receipt.stream.startswith("project-"):
            self._read_back(receipt)

    def _read_back(self, receipt: Receipt) -> None:
        """With the token, whoever answers shows at least what it was given for."""
        try:
            shown = self._random.choice(self._queries).look(receipt.stream.removeprefix("project-"), receipt.token)
        except Lost:
            return
        except Refused as refusal:
            if refusal.code not in TRY_AGAIN:
                self._journal.wrong(f"{receipt} could not be read: {refusal}")
            return
        self._journal.read()
        if shown < receipt.version:
            self._journal.wrong(f"{receipt} was not to be read: {shown}")


def _told(error: Exception) -> str:
    """With the answer, where that is no JSON."""
    return f"{error!r} {getattr(error, 'doc', '')[:200]!r}"


def _http(base: str, token: str) -> Entry:
    def opened() -> HttpClient:
        client = HttpClient(base, token)
        client.http.timeout = httpx.Timeout(COMMAND_SECONDS)
        return client

    return Entry(opened)


def _grpc(address: str, token: str) -> Entry:
    return Entry(lambda: GrpcClient(address, token))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--token", required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    for doors in ("http", "commands", "policy", "queries"):
        parser.add_argument(f"--{doors}", action="append", required=True)
    given = parser.parse_args()
    journal, ending = Journal(given.journal), threading.Event()
    callers = [Caller(number, given, journal, ending) for number in range(CALLERS)]
    threads = [threading.Thread(target=caller.run) for caller in callers]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ending.set()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
