"""Real PostgreSQL and Kafka for tests, as `deploy/` starts them: one of each for the whole run, or a test's own.

The shared ones start at the first test that asks and end with the run; a fault test takes its own and harms that.
What is missing on the machine is a failure with the launcher's sentence, never a skip.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from kafka.admin import KafkaAdminClient
from psycopg import sql

from deploy.kafka.server import KafkaServer, Security
from deploy.postgres.server import NOT_DURABLE, PostgresServer
from services.chassis.kafka.network import Client

_numbers = count(1)

DURABLE = {"fsync": "off"}
"""Durable as far as a kill goes: the kernel has all that was written, and no machine fails here. A slow disk would take
minutes to sync every file, once after a kill and again at the end of the recovery."""


class Postgres(PostgresServer):
    """A server that hands out fresh databases: only then may the city's role make some itself."""

    def database(self) -> str:
        """The address of a new, empty database, which `bizenv`, who is no superuser, owns."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            connection.execute("ALTER ROLE bizenv CREATEDB")
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url(name)

    def as_superuser(self, database: str) -> str:
        """The address of the same database for the role that may do everything."""
        return self.url(database.rpartition("/")[2], "postgres")


class Kafka(KafkaServer):
    """Brokers with a client for making and deleting topics."""

    @contextmanager
    def admin(self, **settings: Any) -> Iterator[KafkaAdminClient]:
        """kafka-python's admin client, closed at the end."""
        client = KafkaAdminClient(bootstrap_servers=self.servers, kafka_client=Client, **settings)
        try:
            yield client
        finally:
            client.close()


@contextmanager
def postgres_server(
    *, durable: bool = True, settings: Mapping[str, str] | None = None, identity: Path | None = None
) -> Iterator[Postgres]:
    """A PostgreSQL in a folder of its own, running; ended with its folder. Not durable: twice as fast, and no plug
    may be pulled."""
    with folder_for("postgres") as folder:
        given = {**(DURABLE if durable else NOT_DURABLE), **(settings or {})}
        server = Postgres(folder, settings=given, identity=identity)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def kafka_server(brokers: int = 1, security: Security | None = None) -> Iterator[Kafka]:
    """One broker or three in a folder of their own, running; ended with the folder."""
    with folder_for("kafka") as folder:
        server = Kafka(folder, brokers, quick=True, security=security)
        try:
            server.start()
            yield server
        finally:
            server.kill()


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    """One that the user postgres may enter, unlike pytest's own."""
    above = Path(tempfile.mkdtemp(prefix=f"bizenv-{name}-"))
    above.chmod(0o755)
    try:
        yield above / name
    finally:
        shutil.rmtree(above)
