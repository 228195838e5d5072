"""The calls that `docs/integrating.md` shows, run as they stand there against a served city."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.clients import GrpcClient, Refused
from tests.e2e.outside.test_integrating import DOCUMENT, EXAMPLES, written
from tests.processes import ROOT, Server, serving, token

PROTO = ROOT / "proto"
SECONDS = 120
GRPCURL = [
    shlex.split(line.strip()) for line in DOCUMENT.read_text("utf-8").replace("\\\n", "").splitlines()
    if line.startswith("    grpcurl ")
]  # fmt: skip


class Caller:
    """An integrator at a shell, in a folder of its own."""

    def __init__(self, server: Server, access: str, folder: Path) -> None:
        self.server = server
        self.access = access
        self.folder = folder

    def run(self, *command: str) -> str:
        told = {"BIZENV": self.server.http, "TOKEN": self.access, "PROTO": str(PROTO)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            command, cwd=self.folder, env={**os.environ, **told, "PATH": path, "PYTHONPATH": str(self.folder)},
            capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout

    def shell(self, name: str) -> str:
        return self.run("bash", "-eu", written(name, self.folder))

    def wrote(self, name: str) -> Any:
        return json.loads((self.folder / name).read_bytes())


@pytest.fixture
def caller(city: Path, tmp_path: Path) -> Iterator[Caller]:
    (tmp_path / "shell").mkdir()
    access = token(city, "city_group")
    with serving(city) as server:
        yield Caller(server, access, tmp_path / "shell")


def test_the_calls_do_what_the_document_says(caller: Caller) -> None:
    a_command_over_http(caller)
    grpcurl_is_told_what_the_door_takes(caller)
    a_command_by_stubs(caller)


def a_command_over_http(caller: Caller) -> None:
    caller.shell("command.sh")
    receipt, again = caller.wrote("receipt.json"), caller.wrote("again.json")
    assert receipt["event_ids"] == ["project-p-2017-9001/1"]
    assert again == {**receipt, "repeated": True}
    assert caller.wrote("project.json")["line"]["version"] == receipt["version"] == 1
    refusal = caller.wrote("refusal.json")
    assert (refusal["status"], refusal["code"]) == (409, "STALE_VERSION")
    assert refusal["type"] == "urn:bizenv:problem:STALE_VERSION"
    assert (refusal["title"], refusal["detail"]) == (refusal["english"], refusal["message"])
    shown = re.findall(r'^ {4}(\{"(?:.|\n)+?\})$', DOCUMENT.read_text("utf-8"), re.MULTILINE)
    assert [set(json.loads(each)) for each in shown] == [set(receipt), set(refusal)]


def grpcurl_is_told_what_the_door_takes(caller: Caller) -> None:
    """By reflection, as grpcurl asks for it; the call itself is that of the stubs below."""
    *_, call = GRPCURL
    method, body = call[-1], json.loads(call[call.index("-d") + 1])
    assert body == {"project_id": "p-2017-9001", "occurred_on": "2017-01-23"}
    assert [words[-2:] for words in GRPCURL[:2]] == [
        ["127.0.0.1:50051", "list"],
        ["describe", method.partition("/")[0]],
    ]
    names = [call[number + 1].partition(":")[0] for number, word in enumerate(call) if word == "-H"]
    assert names == ["authorization", "idempotency-key", "expected-version"]
    stale = [(names[1], str(uuid4())), (names[2], "7")]
    with (
        closing(GrpcClient(caller.server.grpc, caller.access)) as client,
        pytest.raises(Refused, match="STALE_VERSION"),
    ):
        client.call(method.partition("/")[2], body, SECONDS, *stale)


def a_command_by_stubs(caller: Caller) -> None:
    caller.shell("stubs.sh")
    told = caller.run(sys.executable, written("call.py", caller.folder), caller.server.grpc).splitlines()
    assert told[0] == "2 project-p-2017-9001/2 2"
    assert told[1].startswith("INVALID_ARGUMENT INVALID_REQUEST occurred_on: ")


def test_all_listings_are_run() -> None:
    assert {"command.sh", "stubs.sh", "call.py"} <= set(EXAMPLES)
