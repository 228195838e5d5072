"""The load process (`load`), as the storm that is over it speaks to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.processes import ROOT, Server

SETTLE_SECONDS = 180.0


class Callers:
    """The load process."""

    def __init__(self, folder: Path, access: str, seed: int) -> None:
        self.journal = folder / "journal.jsonl"
        self._read = self._answers = 0
        command = ("-m", "tests.faults.load", "--token", access, "--journal", str(self.journal), "--seed", str(seed))
        self._process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def go(self, server: Server) -> None:
        self._tell({"go": {"http": server.http, "grpc": server.grpc}})

    def settle(self) -> bool:
        """Whether everything in hand was acknowledged; False: the city was lost."""
        self._tell({"settle": True})
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        return bool(answer["settled"])

    def acknowledged(self) -> int:
        """How many answers came so far."""
        if self.journal.exists():
            with self.journal.open("rb") as journal:
                journal.seek(self._read)
                self._answers += (more := journal.read()).count(b"acknowledged")
                self._read += len(more)
        return self._answers

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.wait(SETTLE_SECONDS)

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
