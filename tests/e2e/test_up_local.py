"""`make up-local`, `make down-local`: a city in several processes, from nothing to a page, one crash mended, ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests import lives
from tests.clients import HttpClient
from tests.e2e.outside.test_integrating import commands, facts_in
from tests.processes import ROOT
from tests.servers import folder_for
from tests.waiting import eventually

REHEARSAL = ("--programme", "baoding-2017", "--until", "2017-02-01")
SECONDS = 240.0
SERVICES = ("policy_registry", "project_tracking", "projection")


class Launcher:
    """The command that make runs, on one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments, "--folder", str(self.folder)],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("BIZENV_")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def told(self, *arguments: str) -> str:
        """What it prints when all went well."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pid(self, service: str) -> int:
        file = self.folder / "services" / service / "process.json"
        return int(json.loads(file.read_text(encoding="utf-8"))["pid"])

    def pids(self) -> dict[str, int]:
        return {service: self.pid(service) for service in SERVICES}

    def bizenv(self, *arguments: str) -> str:
        """What the command line prints, with the settings of the file that up-local writes for it."""
        script = f'set -a; . "{self.folder}/bizenv.env"; exec "$0" -m services.cli "$@"'
        command = ["bash", "-c", script, sys.executable, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def alive(self) -> list[str]:
        """The command lines of all processes that have to do with the folder."""
        return [told for entry in Path("/proc").iterdir() if entry.name.isdigit() and (told := self._told(entry))]

    def _told(self, entry: Path) -> str:
        try:
            command = (entry / "cmdline").read_bytes()
            of_ours = str(self.folder).encode() in command + (entry / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""
        return command.replace(b"\0", b" ").decode(errors="replace") if of_ours else ""


@pytest.fixture
def launcher() -> Iterator[Launcher]:
    with folder_for("local") as folder:
        launcher = Launcher(folder)
        try:
            yield launcher
        finally:
            launcher.told("down")


def address(told: str, name: str) -> str:
    found = re.search(rf"^  {name} +(http://\S+)  gRPC", told, re.MULTILINE)
    assert found is not None, told
    return found[1]


def log_in(told: str) -> httpx.Client:
    """A browser that followed the printed link."""
    found = re.search(r"login +(http://\S+)", told)
    assert found is not None, told
    link = httpx.URL(found[1])
    browser = httpx.Client(base_url=f"http://{link.host}:{link.port}", timeout=30)
    assert browser.get(link).status_code == 200
    return browser


@pytest.mark.timeout(600)
def test_a_city_in_several_processes(launcher: Launcher) -> None:
    a_start_that_fails_leaves_nothing_running(launcher)
    launcher.told("check")
    told = launcher.told("up", "--ports", "free", *REHEARSAL)
    assert "first start: a rehearsal city is made" in told
    assert "projection:视图" not in told
    a_command_is_carried_out_by_one_process_and_shown_by_another(launcher, told)
    pages_are_shown(told)
    the_listings_for_integrators_run(launcher)
    a_second_start_finds_everything(launcher)
    a_part_that_died_is_started_by_itself(launcher)
    a_service_is_ended_by_itself_and_recovered(launcher)
    everything_ends(launcher)


def a_start_that_fails_leaves_nothing_running(launcher: Launcher) -> None:
    done = launcher.run("up", "--ports", "free", "--programme", "nowhere", "--until", "2017-02-01")
    assert done.returncode == 2
    assert "bizenv rehearse" in done.stderr
    assert launcher.alive() == []


def a_command_is_carried_out_by_one_process_and_shown_by_another(launcher: Launcher, told: str) -> None:
    """By the HTTP API of the process with the views, which asks the owner over gRPC."""
    token = launcher.bizenv("token", "--role", "city_group", "--account", "wang")
    with closing(HttpClient(address(told, "projection"), token)) as client:
        receipt = client.do(lives.registration("p-up-local"))
        assert receipt.version == 1
        shown = client.ask("GetProject", project_id="p-up-local", token=receipt.token)
        assert "p-up-local" in shown["line"]["name"]
    with closing(HttpClient(address(told, "project_tracking"), token)) as client:
        assert client.ask("GetProject", project_id="p-up-local", token=receipt.token) == shown


def pages_are_shown(told: str) -> None:
    with closing(log_in(told)) as browser:
        for path in ("/", "/projects/p-up-local"):
            page = browser.get(path)
            assert page.status_code == 200
            assert "演练" in page.text


def the_listings_for_integrators_run(launcher: Launcher) -> None:
    """Those for Kafka, without a login, as the document says."""
    folder = launcher.folder / "listings"
    folder.mkdir()
    servers = re.findall(r"^BIZENV_KAFKA=(\S+)$", (launcher.folder / "bizenv.env").read_text("utf-8"), re.MULTILINE)
    told = {"PATH": os.environ["PATH"], "KAFKA_SECURITY": "PLAINTEXT", "KAFKA_SERVERS": servers[0]}
    for name, command in commands(folder, "bizenv.").items():
        out = folder / f"{name}.txt"
        with out.open("wb") as output, subprocess.Popen(command, env=told, stdout=output, stderr=output) as process:
            try:
                eventually(lambda file=out: has_read(file, folder / "facts.sqlite"), SECONDS, name)  # type: ignore[misc]
                assert process.poll() is None, out.read_text("utf-8")
            finally:
                process.kill()
        assert b"left out" not in out.read_bytes()


def has_read(printed: Path, table: Path) -> bool:
    """What the example prints, or else the table that it writes, has facts."""
    count = len(facts_in(table)) if printed.name.startswith("facts") else printed.read_bytes().count(b"bizenv.project")
    return count > 20


def a_second_start_finds_everything(launcher: Launcher) -> None:
    before = launcher.pids()
    assert "已在运行 · runs already" in launcher.told("up")
    assert launcher.pids() == before


def a_part_that_died_is_started_by_itself(launcher: Launcher) -> None:
    before = launcher.pids()
    os.kill(before["project_tracking"], signal.SIGKILL)
    key = launcher.folder / "city" / "keys" / "truth.key"
    key.chmod(0o644)
    failed = launcher.run("up")
    key.chmod(0o600)
    assert failed.returncode == 2
    assert "project_tracking 没有就绪" in failed.stderr
    assert "run chmod 600 on it" in failed.stderr, "the end of its log"
    assert "已就绪 · ready; 已启动 · started: project_tracking\n" in launcher.told("up")
    after = launcher.pids()
    assert {service for service in SERVICES if after[service] != before[service]} == {"project_tracking"}
    assert json.loads(launcher.bizenv("audit", "flow", "--json"))["ok"] is True


def a_service_is_ended_by_itself_and_recovered(launcher: Launcher) -> None:
    """As the manual says before `bizenv recover`: what it reads runs on."""
    before = launcher.pids()
    assert "no such service" in launcher.run("down", "--services", "nobody").stderr
    told = launcher.told("down", "--services", "project_tracking")
    assert "stopped: project_tracking;" in told
    assert "epoch 2" in launcher.bizenv("recover", "--service", "project_tracking")
    assert "已就绪 · ready" in launcher.told("up")
    after = launcher.pids()
    assert {service for service in SERVICES if after[service] != before[service]} == {"project_tracking"}
    told = launcher.told("down", "--services", "all")
    assert all(name in told for name in SERVICES)
    assert "Kafka" not in told
    assert "已就绪 · ready" in launcher.told("up")


def everything_ends(launcher: Launcher) -> None:
    told = launcher.told("down")
    assert all(name in told for name in (*SERVICES, "Kafka", "PostgreSQL"))
    assert launcher.alive() == []
    assert "nothing of" in launcher.told("down")
    assert (launcher.folder / "city" / "keys" / "truth.key").is_file()
