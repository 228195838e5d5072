"""What callers write down: each command under its id when it is sent, and what was answered."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from services.chassis.commanding.gateway import Receipt
from services.chassis.domain import Command


class Order(NamedTuple):
    """A command under its id."""

    command_id: str
    command: Command


class Journal:
    """What was sent and what was acknowledged, in the order in which the callers saw it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self.acknowledged = 0

    def sent(self, order: Order) -> None:
        self._write({"sent": order.command_id, "at": time.monotonic()})

    def answered(self, order: Order, receipt: Receipt) -> None:
        with self._lock:
            self.acknowledged += 1
        self._write(
            {
                "acknowledged": order.command_id,
                "at": time.monotonic(),
                "stream": receipt.stream,
                "version": receipt.version,
                "event_ids": receipt.event_ids,
                "token": receipt.token,
                "repeated": receipt.repeated,
            }
        )

    def read(self) -> None:
        """A query showed what its token promised."""
        self._write({"read": time.monotonic()})

    def wrong(self, what: str) -> None:
        self._write({"wrong": what})

    def _write(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
