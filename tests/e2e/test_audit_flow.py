"""`bizenv audit flow` as an operator runs it: on a rehearsed city, on a served one, on one that was harmed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests import lives
from tests.clients import HttpClient
from tests.processes import bizenv, copy_of, refused, serving, told

AUDIT = ("audit", "flow")


def test_a_rehearsed_city_is_clean(rehearsed_city: Path, tmp_path: Path) -> None:
    city = copy_of(rehearsed_city, tmp_path / "var")
    said = told(city, *AUDIT)
    assert said.count("✓") == len(said.splitlines()), said
    found = json.loads(told(city, *AUDIT, "--service", "projection", "--json"))
    assert found["ok"]
    (projection,) = found["services"]
    assert projection["topic"] is None, "the event tables are the bus"
    assert len(projection["views"]) >= 5
    assert all(view["equal"] and view["applied"] > 100 for view in projection["views"])


def test_it_may_run_beside_a_server(city: Path, access: str) -> None:
    with serving(city) as server:
        with HttpClient(server.http, access) as client:
            for number in range(5):
                client.do(lives.registration(f"p{number}"))
                assert "✗" not in told(city, *AUDIT)
        assert server.stop() == 0


def test_an_altered_view_and_an_altered_store_are_named(rehearsed_city: Path, tmp_path: Path) -> None:
    city = copy_of(rehearsed_city, tmp_path / "var")
    (views,) = (city / "projection").glob("views.*.sqlite")
    with closing(sqlite3.connect(views)) as database, database:
        database.execute(
            "UPDATE project_board SET key = key || 'x' WHERE rowid = (SELECT min(rowid) FROM project_board)"
        )
    with closing(sqlite3.connect(city / "project_tracking" / "events.sqlite")) as database, database:
        database.execute("DELETE FROM commands WHERE position = (SELECT min(position) FROM commands)")
    done = bizenv(city, *AUDIT)
    assert done.returncode == 1, done.stderr
    assert "VIEW_DIFFERENT view project_board" in done.stdout
    assert "STORE commands" in done.stdout
    assert "policy_registry: ✓" in done.stdout


def test_what_can_not_be_answered_is_said_and_ends_with_2(city: Path) -> None:
    assert "no such service" in refused(city, *AUDIT, "--service", "nobody")
    assert "BIZENV_KAFKA is not set" in refused(city, "audit", "verify", "--from", "kafka")
    (city / "project_tracking" / "events.sqlite").unlink()
    done = bizenv(city, *AUDIT)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
