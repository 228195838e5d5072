"""`pgbench`: what the same PostgreSQL does with single-row inserts, each durable, by the server's own load generator.

Its table has the columns and the keys of an event; a stream of its own for each client, versions in a row. No position
is handed out in order, no head is checked, no command is recorded: it is the limit, not a rival.
"""

from __future__ import annotations

import os
import re
import subprocess

import psycopg
from sqlalchemy import make_url

from deploy.postgres.programs import program
from tests.bench.project_life import progress_report
from tests.bench.scratch import folder
from tests.stores import RECORDED_AT

NAME = "pgbench, single-row inserts"
THREADS = 2

_TABLE = """
CREATE TABLE inserted (
  position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, partition integer NOT NULL,
  type text NOT NULL, occurred_on text NOT NULL, recorded_at bigint NOT NULL, actor text NOT NULL,
  command_id text NOT NULL, command_hash bytea NOT NULL, correlation_id text NOT NULL, causation_id text NOT NULL,
  traceparent text, data bytea NOT NULL, UNIQUE (stream, version)
)
"""


def inserted_rate(url: str, clients: int, each: int) -> float:
    """Rows a second by so many clients that insert so many each, into a table of its own in the database."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_TABLE)
    with folder() as place:
        script = place / "insert.sql"
        script.write_text(_script(), encoding="utf-8")
        return tps_in(_run(url, ["-c", str(clients), "-j", str(THREADS), "-t", str(each), "-f", str(script)]))


def _script() -> str:
    """A word behind a colon would be a variable, in quotes too."""
    fact = progress_report()
    values = (
        f"'project-' || :client_id, :version, 1, '{fact.type}', '{fact.occurred_on}', {RECORDED_AT}, "
        rf"'unit_staff/bench', '{'0' * 36}', '\x{'ab' * 32}', '{'0' * 36}', '{'0' * 36}', NULL, '\x{fact.data.hex()}'"
    )
    columns = (
        "stream, version, partition, type, occurred_on, recorded_at, actor, command_id, command_hash, "
        "correlation_id, causation_id, traceparent, data"
    )
    return f"\\set version :version + 1\nINSERT INTO inserted ({columns}) VALUES ({values});\n"


def _run(url: str, options: list[str]) -> str:
    address = make_url(url)
    where = ["-h", str(address.host), "-p", str(address.port), "-U", str(address.username), str(address.database)]
    command = [program("pgbench"), "--no-vacuum", "--protocol=prepared", "--define=version=0", *options, *where]
    done = subprocess.run(
        command, env={**os.environ, "PGPASSWORD": str(address.password)}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"pgbench ended with {done.returncode}: {done.stderr}")
    return done.stdout


def tps_in(told: str) -> float:
    """The rate in what pgbench prints; ValueError when there is none."""
    found = re.search(r"^tps = ([0-9.]+)", told, re.MULTILINE)
    if found is None:
        raise ValueError(f"pgbench names no rate: {told}")
    return float(found[1])
