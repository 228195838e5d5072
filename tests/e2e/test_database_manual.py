"""What `docs/operations.md` promises of the database, done as it says: a role that only reads, a dump put back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from deploy.postgres.programs import program
from tests import lives
from tests.clients import HttpClient
from tests.e2e.forms import SERVICES, Cities, City
from tests.e2e.test_recover import FIRST, SECOND, live, served_by_one
from tests.servers import Postgres

STORES = ", ".join(SERVICES)


@pytest.fixture
def city(cities: Cities, empty_city: Path, access: str, tmp_path: Path) -> City:
    assert access
    return cities.copy(empty_city, tmp_path / "var")


def run(postgres: Postgres, name: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs, as its superuser."""
    place = {"PGHOST": "127.0.0.1", "PGPORT": str(postgres.port), "PGUSER": "postgres", "PGPASSWORD": postgres.password}
    done = subprocess.run(
        [program(name), *arguments], env={**os.environ, **place}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def name_of(city: City) -> str:
    return city.url.rpartition("/")[2]


def test_a_role_that_only_reads_is_enough_for_the_audit(postgres: Postgres, city: City, access: str) -> None:
    """Of the stores; that of the flow opens views, and wants the city's own role."""
    live(city, access, *FIRST)
    database, role = name_of(city), f"{name_of(city)}_auditor"
    postgres.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'secret';"
        f"GRANT CONNECT ON DATABASE {database} TO {role};"
        f"GRANT USAGE ON SCHEMA {STORES} TO {role};"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {STORES} TO {role};",
        database,
    )
    reading = {"database_user": role, "database_password": "secret"}
    assert "✗" not in city.told("audit", "verify", **reading)
    assert "project-p3/1" in city.told("events", "tail", "--service", "project_tracking", **reading)
    assert "permission denied for database" in city.refused("audit", "flow", **reading)
    url = f"postgresql://{role}:secret@127.0.0.1:{postgres.port}/{database}"
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in ("DELETE FROM project_tracking.events", "CREATE SCHEMA mine", "CREATE TABLE public.mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_a_dump_without_views_is_put_back_and_recovered(
    postgres: Postgres, city: City, access: str, tmp_path: Path
) -> None:
    tokens = live(city, access, *FIRST)
    dump = str(tmp_path / "city.dump")
    run(postgres, "pg_dump", "--format=custom", f"--file={dump}", "--exclude-schema=*_views*", name_of(city))
    tokens |= live(city, access, *SECOND)
    before = city.events()
    run(postgres, "pg_restore", "--create", "--clean", "--if-exists", "--dbname=postgres", dump)
    assert city.events() != before
    for service in SERVICES:
        assert "may be missing" not in city.told("recover", "--service", service)
    assert city.events() == before
    with served_by_one(city) as served, HttpClient(served.front.http, access) as client:
        tokens["p7"] = client.do(lives.registration("p7")).token
        for project, token in tokens.items():
            assert client.ask("GetProject", project_id=project, token=token)["line"]["version"] == 1
        assert json.loads(city.told("audit", "flow", "--json"))["ok"]
        assert "✗" not in city.told("audit", "verify")
        assert set(served.stop()) == {0}, served.log()
