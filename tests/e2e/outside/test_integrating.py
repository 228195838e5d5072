"""The examples of `docs/integrating.md`, run as they stand there against brokers that ask who comes."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from deploy.kafka import jars
from services.chassis.feed.cloudevents import to_binary
from services.chassis.kafka.topics import ensure_topic
from tests.e2e.outside.conftest import INTEGRATOR, SERVICES, PublishedCity
from tests.e2e.outside.records import Record
from tests.processes import ROOT
from tests.waiting import eventually

DOCUMENT = ROOT / "docs" / "integrating.md"
SCHEMAS = ROOT / "proto" / "events" / "schemas"
TRACKING = "project_tracking"
TRACKED = f"bizenv.{TRACKING}.events"
SECONDS = 180
"""Until an example has come to the end, on a machine that has much else to do."""

LISTING = re.compile(r"<!-- example: (\S+) -->\n```\w+\n(.*?)```", re.DOTALL)
EXAMPLES: dict[str, str] = dict(LISTING.findall(DOCUMENT.read_text("utf-8")))


@contextmanager
def running(
    city: PublishedCity, command: Sequence[str], out: Path, user: str = INTEGRATOR, **more: str
) -> Iterator[None]:
    """An example at work; it is killed at the end, and must not have ended before."""
    told = {
        **more,
        "KAFKA_SERVERS": city.server.servers,
        "KAFKA_USER": user,
        "KAFKA_PASSWORD": "right",
        "KAFKA_CA": str(city.authority),
    }
    errors = out.with_suffix(".err")
    with out.open("ab") as output, errors.open("ab") as complaints:
        process = subprocess.Popen(command, env={**os.environ, **told}, stdout=output, stderr=complaints)
    try:
        yield
        assert process.poll() is None, errors.read_text("utf-8")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{errors.read_text('utf-8')}") from error
    finally:
        process.kill()
        process.wait()


def written(name: str, folder: Path, code: str = "") -> str:
    path = folder / name
    path.write_text(code or EXAMPLES[name], encoding="utf-8")
    return str(path)


def lines_of(out: Path) -> list[str]:
    """The whole ones."""
    return out.read_text("utf-8").split("\n")[:-1]


def wait_for_lines(out: Path, count: int) -> None:
    eventually(lambda: out.read_bytes().count(b"\n") >= count, SECONDS, f"{count} lines of {out.name}")


def facts_in(path: Path) -> list[tuple[object, ...]]:
    """What the table holds, in the order of positions; nothing while there is no table."""
    with closing(sqlite3.connect(path, timeout=30)) as database:
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'facts'").fetchone():
            return []
        return database.execute("SELECT position, id, type, data FROM facts ORDER BY position").fetchall()


def holds(table: Path, least: int) -> bool:
    return len(facts_in(table)) >= least


def test_every_listing_is_run_by_a_test() -> None:
    calls = {"command.sh", "stubs.sh", "call.py"}  # test_first_calls
    assert set(EXAMPLES) == {"facts.py", "print_events.py", "PrintEvents.java"} | calls
    assert len(re.findall(r"^```\w", DOCUMENT.read_text("utf-8"), re.MULTILINE)) == len(EXAMPLES)


def test_the_events_are_printed_after_a_check_against_their_schemas(published: PublishedCity, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    events = [envelope for service in SERVICES for envelope in published.stores[service].scan()]
    with running(published, [sys.executable, written("print_events.py", tmp_path), str(SCHEMAS)], out):
        wait_for_lines(out, len(events))
    wanted = [f"/bizenv/{each.service} {each.id} {each.type} {each.occurred_on.isoformat()}" for each in events]
    assert sorted(lines_of(out)) == sorted(wanted)


def test_java_prints_the_events(published: PublishedCity, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    events = list(published.stores[TRACKING].scan())
    file = written("PrintEvents.java", tmp_path)
    with running(published, [jars.java(), "-Xmx256m", "-cp", jars.classpath(), file], out):
        wait_for_lines(out, len(events))
    assert sorted(lines_of(out)) == sorted(f"{each.id} {each.type} {each.data.decode()}" for each in events)


def test_the_table_holds_each_fact_once_through_kills(published: PublishedCity, tmp_path: Path) -> None:
    out, table = tmp_path / "out.txt", tmp_path / "facts.sqlite"
    command = [sys.executable, written("facts.py", tmp_path), str(table)]
    wanted = [(each.position, each.id, each.type, each.data.decode()) for each in published.stores[TRACKING].scan()]
    for least in (1, 2000, len(wanted)):
        with running(published, command, out):
            eventually(partial(holds, table, least), SECONDS, f"{least} facts")
    assert facts_in(table) == wanted


@pytest.fixture(scope="module")
def ordinary(published: PublishedCity) -> list[Record]:
    """The first records of the topic, each behind the one before it."""
    last: dict[int, int] = {}
    found: list[Record] = []
    for envelope in published.stores[TRACKING].scan():
        headers, value = to_binary(envelope, last.get(envelope.partition, 0))
        last[envelope.partition] = envelope.position
        found.append(Record("", envelope.partition, 0, envelope.stream.encode(), tuple(headers), value))
        if envelope.position == 400:
            break
    return found


def facts_of(records: Sequence[Record]) -> list[tuple[object, ...]]:
    """Positions and data."""
    return [(number(record, "position"), record.value.decode()) for record in records]


def told_by(table: Path) -> list[tuple[object, ...]]:
    """The same of a table."""
    return [(position, data) for position, _, _, data in facts_in(table)]


def number(record: Record, name: str) -> int:
    return int(dict(record.headers)[f"ce_{name}"])


def renamed(record: Record, **attributes: object) -> Record:
    told = {f"ce_{name}": str(value).encode() for name, value in attributes.items()}
    return replace(record, headers=tuple({**dict(record.headers), **told}.items()))


def anew(records: Sequence[Record], epoch: int, value: bytes) -> list[Record]:
    """The same facts anew in another epoch, ."""
    return [renamed(replace(record, value=value), epoch=epoch) for record in records]


def disturbed(records: Sequence[Record]) -> list[Record]:
    """What a topic looks like after failures: others' records, events twice, early ones, late ones."""
    early = [*records[:100], *records[140:160], *records[100:]]
    strangers, city = foreign(records[5]), of_another_city(records)
    return [*strangers, *early[:200], *city, *early[50:120], *early[200:], *strangers, *records[:30]]


def foreign(record: Record) -> list[Record]:
    """Records that are no events of the city, on the partition of this one: the later, the more they look like one."""
    headers = dict(record.headers)
    harms = [
        {},
        {"ce_source": b"/elsewhere"},
        {"ce_source": headers["ce_source"]},
        {**headers, "ce_source": b"/elsewhere"},
        {**headers, "ce_position": b"soon"},
        {**headers, "ce_previous": b"\xff"},
        {name: value for name, value in headers.items() if name != "ce_storeid"},
    ]
    return [replace(record, key=None, headers=tuple(harm.items()), value=b"\x00") for harm in harms]


def of_another_city(records: Sequence[Record]) -> list[Record]:
    """The same facts of a city that is ahead: behind what was taken, and of a newer epoch."""
    later = [renamed(record, position=number(record, "position") + 10_000) for record in records[:20]]
    return [renamed(record, storeid="another-city", epoch=epoch) for epoch in (1, 7) for record in later]


def commands(folder: Path, prefix: str) -> dict[str, list[str]]:
    """How each example for Kafka is run on the topics of this prefix."""
    code = {name: code.replace('"bizenv.', f'"{prefix}') for name, code in EXAMPLES.items() if "KAFKA_SERVERS" in code}
    files = {name: written(name, folder, text) for name, text in code.items()}
    return {
        "facts.py": [sys.executable, files["facts.py"], str(folder / "facts.sqlite")],
        "print_events.py": [sys.executable, files["print_events.py"], str(SCHEMAS)],
        "PrintEvents.java": [jars.java(), "-Xmx256m", "-cp", jars.classpath(), files["PrintEvents.java"]],
    }


@pytest.mark.parametrize("example", ["facts.py", "print_events.py", "PrintEvents.java"])
def test_what_is_of_others_is_left_out(
    published: PublishedCity, ordinary: list[Record], tmp_path: Path, example: str
) -> None:
    """Another city's event comes first, so the city is told; the others' stand between its own."""
    out, prefix, wanted = tmp_path / "out.txt", f"others-{example}.", ordinary[:100]
    strangers = [*of_another_city(ordinary), *foreign(ordinary[5])]
    city = dict(ordinary[0].headers)["ce_storeid"].decode()
    with closing(published.line_of(prefix)) as line:
        for service in SERVICES:
            ensure_topic(line.cluster, service, published.stores[service].info.partitions, line.shape, 0)
        published.send(line.cluster.topic_of(TRACKING), [*strangers, *wanted[:50], *strangers, *wanted[50:]])
        command = commands(tmp_path, prefix)[example]
        with running(published, command, out, user="bizenv", STORE_ID=city):
            if example == "facts.py":
                eventually(partial(holds, tmp_path / "facts.sqlite", len(wanted)), SECONDS, "all facts")
                assert told_by(tmp_path / "facts.sqlite") == facts_of(wanted)
            else:
                wait_for_lines(out, len(wanted))
                ids = sorted(dict(record.headers)["ce_id"].decode() for record in wanted)
                assert sorted(word for line in lines_of(out) for word in line.split() if word in ids) == ids


def test_the_table_is_right_through_disturbances_and_a_store_that_was_put_back(
    published: PublishedCity, ordinary: list[Record], tmp_path: Path
) -> None:
    """The store was put back to its first 300 events, and recorded 5 others behind them, so that most partitions tell
    nothing of it. A reader that lived through it and one that begins behind it come to the same."""
    kept, given_up = ordinary[:300], ordinary[300:]
    others = anew(given_up[:5], 2, b'{"other": true}')
    wanted = facts_of([*kept, *others])
    prefix = "put-back."
    command = [written("facts.py", tmp_path, EXAMPLES["facts.py"].replace('"bizenv.', f'"{prefix}'))]
    out, before, after = tmp_path / "out.txt", tmp_path / "before.sqlite", tmp_path / "after.sqlite"
    with closing(published.line_of(prefix)) as line:
        topic = line.cluster.topic_of(TRACKING)
        ensure_topic(line.cluster, TRACKING, published.stores[TRACKING].info.partitions, line.shape, 0)
        published.send(topic, disturbed(ordinary))
        with running(published, [sys.executable, *command, str(before)], out, user="bizenv"):
            eventually(lambda: len(facts_in(before)) == len(ordinary), SECONDS, "all facts")
            assert told_by(before) == facts_of(ordinary)
            published.send(topic, [*others[:3], *given_up[50:60], *others[1:]])
            eventually(lambda: told_by(before) == wanted, SECONDS, "what was put back")
        with running(published, [sys.executable, *command, str(after)], out, user="bizenv"):
            eventually(lambda: told_by(after) == wanted, SECONDS, "the same anew")
