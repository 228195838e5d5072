"""The launchers of real servers: start, stop, kill, pause, restart, and what they say when something is missing."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest

from deploy.postgres import server as postgres_launcher
from deploy.postgres.server import PostgresServer
from deploy.processes import Process, ServerError
from tests.servers import Kafka, Postgres

ROOT = Path(__file__).resolve().parents[2]
MakePostgres = Callable[..., Postgres]
MakeKafka = Callable[..., Kafka]


def alive(server: Postgres | Kafka) -> list[Process]:
    """The processes of a server that run."""
    if isinstance(server, PostgresServer):
        return [server.process, *server.process.children()] if server.process else []
    return [process for broker in server.brokers if (process := broker.process)]


def ask(url: str, query: LiteralString) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        [(answer,)] = connection.execute(query)
    return answer


class TestPostgres:
    def test_a_fresh_database_is_empty_and_owned_by_no_superuser(self, postgres: Postgres) -> None:
        first, second = postgres.database(), postgres.database()
        assert first != second
        assert ask(first, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        assert ask(first, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        assert ask(postgres.as_superuser(first), "SELECT current_user::text") == "postgres"

    def test_text_is_utf8_in_any_order_the_same(self, postgres: Postgres) -> None:
        database = postgres.database()
        assert ask(database, "SHOW server_encoding") == "UTF8"
        assert ask(database, "SELECT datcollate FROM pg_database WHERE datname = current_database()") == "C.UTF-8"

    def test_what_was_committed_outlives_a_kill(self, own_postgres: MakePostgres) -> None:
        server = own_postgres()
        database, port = server.database(), server.port
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
            before = alive(server)
            server.kill()
            assert not [process for process in before if process.alive]
            with pytest.raises(psycopg.OperationalError):
                connection.execute("SELECT 1")
        server.start()
        assert server.port == port
        assert ask(database, "SELECT number FROM kept") == 7
        assert ask(database, "SHOW fsync") == "on"

    def test_it_stands_still_and_goes_on(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        server.pause()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(server.url(), connect_timeout=2)
        server.resume()
        assert ask(server.url(), "SELECT 1") == 1

    def test_a_second_start_finds_the_running_one(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        process = server.process
        PostgresServer(server.folder).start()
        assert server.process == process

    def test_nothing_remains_after_a_stop(self, own_postgres: MakePostgres) -> None:
        server = own_postgres(durable=False)
        before = alive(server)
        server.stop()
        assert not [process for process in before if process.alive]
        server.stop()

    def test_a_wrong_password_is_refused(self, postgres: Postgres) -> None:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.url().replace(postgres.password, "wrong"))

    def test_the_password_is_for_the_owner_alone(self, postgres: Postgres) -> None:
        assert stat.S_IMODE((postgres.folder / "password").stat().st_mode) == 0o600

    def test_a_missing_program_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgres_launcher, "PACKAGED", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(ServerError, match=r"PostgreSQL 的程序不在本机.*install Debian's package postgresql"):
            PostgresServer(tmp_path / "postgres").start()

    def test_a_taken_port_is_a_failed_start_that_shows_the_log(
        self, postgres: Postgres, own_postgres: MakePostgres
    ) -> None:
        server = own_postgres(durable=False)
        server.stop()
        with pytest.raises(ServerError, match="Address already in use"):
            PostgresServer(server.folder, postgres.port).start()
