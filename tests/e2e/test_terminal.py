"""What a person at a terminal sees while a command is at work, and how it ends by Ctrl-C."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests import lives
from tests.processes import BIZENV, COMMAND_SECONDS, ROOT, START_SECONDS, environment, told
from tests.waiting import eventually


@contextmanager
def running(
    data: Path, *arguments: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """One command of the command line in its own process; killed at the end if it is still there."""
    with subprocess.Popen(
        [*BIZENV, *arguments],
        cwd=ROOT,
        env={**environment(data, {}), "TERM": "xterm", "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def register(city: Path, access: str, project: str) -> None:
    body = msgspec.json.encode(lives.registration(project)).decode()
    told(city, "do", "RegisterProject", "--json", body, "--token", access)


def test_events_are_followed_until_ctrl_c(city: Path, access: str, tmp_path: Path) -> None:
    order = ("events", "tail", "--service", "project_tracking", "--follow", "-n", "1")
    shown = tmp_path / "shown"
    register(city, access, "before")
    with shown.open("wb") as file, running(city, *order, stdout=file.fileno()) as process:
        eventually(lambda: "project-before/1 " in shown.read_text(), START_SECONDS, "the last event before")
        register(city, access, "followed")
        eventually(lambda: "project-followed/1 " in shown.read_text(), START_SECONDS, "the event that came")
        assert process.poll() is None, "it goes on"
        process.send_signal(signal.SIGINT)
        assert process.wait(START_SECONDS) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""
    assert shown.read_text().count("project-followed/1 ") == 1


def test_a_rebuild_shows_how_far_it_is_on_a_terminal(city: Path) -> None:
    ours, theirs = pty.openpty()
    try:
        with running(city, "rebuild", stderr=theirs) as process:
            os.close(theirs)
            shown = _until_closed(ours)
            assert process.wait(COMMAND_SECONDS) == 0
    finally:
        os.close(ours)
    assert "重建 · rebuilding projection" in shown
    assert "━" in shown
    done = re.findall(r"(\d+)/(\d+)", shown)
    assert done[-1][0] == done[-1][1] != "0"


def test_a_rebuild_says_in_a_log_how_long_it_took(city: Path) -> None:
    with running(city, "rebuild") as process:
        _, told_of = process.communicate(timeout=COMMAND_SECONDS)
    assert [line for line in told_of.splitlines() if line.startswith("重建 · rebuilding: ") and line.endswith(" s")]
    assert "━" not in told_of


def _until_closed(terminal: int) -> str:
    """All that is written to it; the reading end of a terminal that nobody has open any more is an error."""
    shown = bytearray()
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    return shown.decode(errors="replace")
