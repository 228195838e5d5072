"""After the storm: has everything arrived everywhere, once and in order, and is it what the callers were told?

Each check returns sentences about what is wrong; none: all is well.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing

import psycopg

from services.catalogue import SERVICES
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.event_store.postgresql import PostgresDialect
from tests.e2e.forms import City
from tests.faults.check import Told, check_commands, check_order, check_positions

Places = Mapping[tuple[str, int], int]
"""Per service and partition, a position."""


def left(city: City) -> list[str]:
    """What has not arrived yet: on the topics, in the views, with the reactions."""
    with psycopg.connect(city.url) as database:
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        heads = {service.name: _heads(database, service.name) for service in SERVICES}
        found = [f"relay of {name}" for name, ends in heads.items() if _relayed(database, name) < max([*ends, 0])]
        for schema, listens_to in _followers(database).items():
            due = {(name, part): at for name in listens_to for part, at in _ends(heads[name])}
            reached = _reached(database, schema)
            found += [f"{schema} of {place}" for place, at in due.items() if reached.get(place, 0) < at]
        return found


def _heads(database: psycopg.Connection, service: str) -> dict[int, int]:
    """The last position of each partition, partitions by it."""
    rows = database.execute(
        f"SELECT max(position), partition FROM {service}.events GROUP BY partition".encode()
    ).fetchall()
    return dict(rows)


def _ends(heads: Mapping[int, int]) -> list[tuple[int, int]]:
    return [(partition, position) for position, partition in heads.items()]


def _relayed(database: psycopg.Connection, service: str) -> int:
    row = database.execute(f"SELECT max(position) FROM {service}.relays".encode()).fetchone()
    return (row[0] if row else None) or 0


def _followers(database: psycopg.Connection) -> dict[str, tuple[str, ...]]:
    """The schemas with checkpoints, and which services each follows: views that answer, and reactions."""
    rows = database.execute("SELECT table_schema FROM information_schema.tables WHERE table_name = 'checkpoints'")
    schemas = {schema for (schema,) in rows.fetchall()}
    found: dict[str, tuple[str, ...]] = {}
    for service in SERVICES:
        name = service.name
        if f"{name}_views" in {schema.rpartition("_")[0] for schema in schemas}:
            row = database.execute(f"SELECT generation FROM {name}_views.pointer".encode()).fetchone()
            assert row is not None
            found[f"{name}_views_{row[0]}"] = tuple(service.listens_to)
        if f"{name}_reactions" in schemas and service.reactions:
            found[f"{name}_reactions"] = tuple(service.listens_to)
    return found


def _reached(database: psycopg.Connection, schema: str) -> Places:
    rows = database.execute(f"SELECT service, partition, position FROM {schema}.checkpoints".encode()).fetchall()
    return {(service, partition): position for service, partition, position in rows}


def check_facts(city: City, told: Told) -> list[str]:
    """The stores against what the callers were told."""
    wrong = [*told.wrong, *check_order(told)]
    recorded: list[Envelope] = []
    for service in SERVICES:
        with closing(EventStore(PostgresDialect(city.url, service.name), service.name)) as store:
            events = list(store.scan())
        wrong += check_positions(service.name, events)
        recorded += events
    return [*wrong, *check_commands(recorded, told)]


def check_flow(city: City) -> list[str]:
    """By the product's own audit of store, topic and views, which must all be at one."""
    flow = city.bizenv("audit", "flow", "--json")
    if flow.returncode:
        return [f"audit flow ended with {flow.returncode}: {flow.stdout}{flow.stderr}"]
    return list(_unsettled(json.loads(flow.stdout)))


def check_heads(city: City) -> Iterator[str]:
    """By the product's own audits of the stores and of the topics against the signed heads."""
    for arguments in (("audit", "verify"), ("audit", "verify", "--from", "kafka")):
        done = city.bizenv(*arguments)
        if done.returncode or "✗" in done.stdout:
            yield f"{' '.join(arguments)} ended with {done.returncode}: {done.stdout}{done.stderr}"


def _unsettled(report: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    """What a clean audit still says that a city at rest must not."""
    for service in report["services"]:
        if service["notices"]:
            yield f"audit flow notes {service['notices']}"
        for view in service["views"]:  # type: ignore[attr-defined]
            if view["behind"] or view["parked"] or not view["equal"]:
                yield f"{service['service']}: {view}"


def count_events(city: City) -> int:
    return sum(city.events().values())
