"""Stores that are damaged, altered, missing or moved: every command tells it in one clear sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests import lives
from tests.clients import HttpClient, Refused
from tests.damage import spoil_table
from tests.processes import WITHOUT_ROOTS_EXCEPTION, bizenv, refused, serving
from tests.waiting import eventually

SERVICE = "project_tracking"
EVENTS = ("events", "tail", "--service", SERVICE)
SHOW = ("events", "show", "project-p/1", "--service", SERVICE)


def events_of(city: Path, service: str = SERVICE) -> Path:
    return city / service / "events.sqlite"


def _truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (_truncated, "malformed"),
    "empty": (lambda path: path.write_bytes(b""), "is not a bizenv database"),
    "no database": (lambda path: path.write_bytes(b"once a database " * 999), "cannot open the database"),
    "missing": (lambda path: path.unlink(), "missing"),
    "unreadable": (lambda path: path.chmod(0), "cannot open the database"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_store_that_cannot_be_opened(city: Path, how: str) -> None:
    act, said = SPOILT[how]
    act(events_of(city))
    for command in (("serve",), EVENTS, SHOW):
        sentence = refused(city, *command, before=WITHOUT_ROOTS_EXCEPTION)
        assert said in sentence
        assert str(events_of(city)) in sentence
    for looking in (("audit", "verify"), ("doctor",)):
        done = bizenv(city, *looking, before=WITHOUT_ROOTS_EXCEPTION)
        assert done.returncode == 1, done.stderr
        assert "Traceback" not in done.stderr
        (line, *_) = [line for line in done.stdout.splitlines() if "✗" in line]
        assert said in line
    assert events_of(city).exists() is (how != "missing"), "looking at it makes no new one"


def test_an_audit_of_a_store_with_a_damaged_page(city: Path) -> None:
    path = events_of(city, "policy_registry")
    spoil_table(path, "events")
    done = bizenv(city, "audit", "verify")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "UNREADABLE position" in done.stdout
    assert "projection: ✓" in done.stdout, "the other stores are audited all the same"
    assert str(path) in refused(city, "events", "tail", "--service", "policy_registry")


def test_a_trigger_in_a_store(city: Path) -> None:
    with closing(sqlite3.connect(events_of(city))) as database, database:
        database.execute("CREATE TRIGGER forge AFTER INSERT ON events BEGIN UPDATE events SET actor = 'x'; END")
    for command in (("serve",), ("rebuild",)):
        assert "trigger forge" in refused(city, *command)
    done = bizenv(city, "audit", "verify")
    assert done.returncode == 1
    assert "SCHEMA_ALTERED trigger forge" in done.stdout
    assert "trigger forge" in bizenv(city, "doctor").stdout


def test_a_store_that_is_moved_away_under_a_server(city: Path, access: str) -> None:
    """What was acknowledged before lies in the moved file; nothing is acknowledged after."""
    path = events_of(city)
    with serving(city) as server:
        with HttpClient(server.http, access) as client:
            kept = client.do(lives.registration("kept"))
            path.rename(path.with_name("moved.sqlite"))
            with pytest.raises(Refused) as error:
                client.do(lives.registration("lost"))
            assert (error.value.status, error.value.code) == ("503", "UNAVAILABLE")
            eventually(lambda: any("moved away or replaced" in trouble for trouble in server.troubles()))
        assert server.stop() == 0, server.log()
        assert "store stopped" in server.log()
    assert not path.exists()
    for suffix in ("", "-wal", "-shm"):
        if (moved := path.with_name(f"moved.sqlite{suffix}")).exists():
            moved.rename(path.with_name(f"events.sqlite{suffix}"))
    with serving(city) as server:
        with HttpClient(server.http, access) as client:
            assert client.ask("GetProject", project_id="kept", token=kept.token)["line"]["version"] == 1
        assert server.stop() == 0, server.log()
