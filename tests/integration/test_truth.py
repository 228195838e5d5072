"""The audit of a real store: green while nothing is altered, and a finding for every kind of tampering."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.event_store import StoreUnusable
from services.chassis.truth import AuditReport, verify
from services.chassis.truth.heads import parse_line, sign
from services.chassis.truth.leaf import leaf_of_row
from services.chassis.truth.merkle import Frontier
from tests.databases import DATABASES
from tests.integration.truth_city import (
    EVENTS,
    HEADS,
    LEAVES,
    PENDING,
    SIZES,
    City,
    cities,
    copies,
    copy_of,
    follow,
    found,
)
from tests.stores import append_events


@pytest.fixture(scope="module", params=DATABASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> City:
    """Never altered itself."""
    return cities(request, tmp_path_factory.mktemp("made"))


@pytest.fixture
def city(made: City, tmp_path: Path) -> Iterator[City]:
    yield from copies(made, tmp_path / "city")


# --- untouched --------------------------------------------------------------------------------------------------


def test_an_untouched_store_is_green(city: City) -> None:
    report = city.audit()
    assert report.ok, report.findings
    assert (report.events, report.leaves, report.heads, report.published) == (EVENTS, LEAVES, len(SIZES), len(SIZES))
    assert (report.covered, report.not_yet_covered, report.signed_at, report.restores) == (40, 5, 1, ())
    assert report.epoch == 1
    assert city.audit() == report


def test_a_new_store_without_a_log_is_green_and_covers_nothing(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.make().close()
    report = city.audit()
    assert report.ok
    assert (report.events, report.covered, report.signed_at) == (0, 0, None)


def test_progress_is_told(city: City) -> None:
    told: list[tuple[str, int, int]] = []
    store = city.open()
    verify(store, city.published, city.key.public_key(), lambda *step: told.append(step))
    store.close()
    assert told == [("heads", 0, 0), ("heads", 4, 4), ("events", 45, 45), ("books", 0, 0)]


def test_the_report_is_json(city: City) -> None:
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 17")
    report = city.audit()
    assert msgspec.json.decode(msgspec.json.encode(report), type=AuditReport) == report
    finding = report.findings[0]
    assert (finding.service, finding.position, finding.stream) == ("sample", 17, "sample-2")
    assert finding.message == "事件与日志所记不符"
    assert finding.english == "the event is not the one that the log recorded"


# --- tampering --------------------------------------------------------------------------------------------------


class Tamper(NamedTuple):
    name: str
    act: Callable[[City], object]
    expected: set[tuple[str, str]]


def sql(*statements: str) -> Callable[[City], object]:
    return lambda city: city.sql(*statements)


def edit(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[City], object]:
    return lambda city: city.write(change(city.lines()))


def both(*acts: Callable[[City], object]) -> Callable[[City], object]:
    return lambda city: [act(city) for act in acts]


def forged(city: City, **changes: Any) -> bytes:
    """The last head with other values, signed with a key of the attacker's."""
    mallory = Ed25519PrivateKey.generate()
    head = parse_line(city.lines()[-1])
    assert head is not None
    return sign(msgspec.structs.replace(head, **changes), mallory).line()


def rehash(city: City, position: int) -> None:
    """Make leaf and nodes anew from the events as they are now: what an attacker does who knows the tables."""
    rows = city.ask("SELECT * FROM events ORDER BY position")
    frontier, nodes = Frontier(), []
    for row in rows[:LEAVES]:
        nodes += frontier.append(leaf_of_row(row))
    assert any(address == (0, position - 1) for address, _ in nodes)
    inserts = [f"INSERT INTO merkle_nodes VALUES ({at.level}, {at.number}, x'{digest.hex()}')" for at, digest in nodes]
    city.sql("DELETE FROM merkle_nodes", *inserts)


def alter_and_rehash(city: City) -> None:
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 17")
    rehash(city, 17)


def drop_event(position: int) -> tuple[str, ...]:
    """Remove the last event and everything in the books that tells of it."""
    return (
        "UPDATE streams SET version = version - 1"
        f" WHERE stream = (SELECT stream FROM events WHERE position = {position})",
        f"UPDATE commands SET last_version = last_version - 1, position = position - 1 WHERE position = {position}",
        f"DELETE FROM events WHERE position = {position}",
        "DELETE FROM commands WHERE last_version < first_version",
    )


def cut(kept: int) -> tuple[str, ...]:
    """Remove the newest events with all that the store itself holds of them: books, nodes, heads."""
    steps = [step for position in range(EVENTS, kept, -1) for step in drop_event(position)]
    return (
        *steps,
        f'DELETE FROM merkle_nodes WHERE ("index" + 1) << level > {kept}',
        f"DELETE FROM tree_heads WHERE size > {kept}",
    )


def swap(column: str, one: int, other: int) -> tuple[str, ...]:
    """Let two events change the values of a column; a value in passing keeps it unique."""
    return (
        "CREATE TEMP TABLE t AS SELECT position p, stream s, version v FROM events",
        f"UPDATE events SET {column} = -1 WHERE position = {one}",
        f"UPDATE events SET {column} = (SELECT {column[0]} FROM t WHERE p = {one}) WHERE position = {other}",
        f"UPDATE events SET {column} = (SELECT {column[0]} FROM t WHERE p = {other}) WHERE {column} = -1",
    )


REST = (
    "partition, type, occurred_on, recorded_at, actor, command_id, command_hash,"
    " correlation_id, causation_id, traceparent, data"
)
ALTERED_17 = ("EVENT_ALTERED", "position 17")
BOOKS_17 = ("COMMAND_RECORD", "commands f439ab0e-a541-563e-89b8-b851885972d4")

TAMPERS = [
    # one column of one event
    Tamper("data", sql("UPDATE events SET data = '{}' WHERE position = 17"), {("EVENT_MALFORMED", "position 17")}),
    Tamper("data bytes", sql("UPDATE events SET data = x'7b7d' WHERE position = 17"), {ALTERED_17}),
    Tamper("type", sql("UPDATE events SET type = 'bizenv.sample.denied.v1' WHERE position = 17"), {ALTERED_17}),
    Tamper("occurred_on", sql("UPDATE events SET occurred_on = '2016-01-01' WHERE position = 17"), {ALTERED_17}),
    Tamper("no date", sql("UPDATE events SET occurred_on = 'once' WHERE position = 17"), {ALTERED_17}),
    Tamper("recorded_at", sql("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 17"), {ALTERED_17}),
    Tamper("actor", sql("UPDATE events SET actor = 'mallory' WHERE position = 17"), {ALTERED_17}),
    Tamper("correlation_id", sql("UPDATE events SET correlation_id = 'x' WHERE position = 17"), {ALTERED_17}),
    Tamper("causation_id", sql("UPDATE events SET causation_id = 'x' WHERE position = 17"), {ALTERED_17}),
    Tamper("traceparent", sql("UPDATE events SET traceparent = '' WHERE position = 17"), {ALTERED_17}),
    Tamper(
        "partition",
        sql("UPDATE events SET partition = (partition + 1) % 8 WHERE position = 17"),
        {ALTERED_17, ("EVENT_PARTITION", "position 17")},
    ),
    Tamper("command_hash", sql("UPDATE events SET command_hash = x'00' WHERE position = 17"), {ALTERED_17, BOOKS_17}),
    Tamper(
        "command_id",
        sql("UPDATE events SET command_id = 'mine' WHERE position = 17"),
        {ALTERED_17, ("COMMAND_RECORD", "commands mine")},
    ),
    Tamper(
        "stream",
        sql("UPDATE events SET stream = 'other-1' WHERE position = 17"),
        {
            ALTERED_17,
            ("EVENT_PARTITION", "position 17"),
            ("STREAM_VERSIONS", "stream other-1"),
            ("STREAM_VERSIONS", "stream sample-2"),
            ("STREAM_HEAD", "streams other-1"),
            BOOKS_17,
        },
    ),
    Tamper(
        "version",
        sql("UPDATE events SET version = 99 WHERE position = 17"),
        {ALTERED_17, ("STREAM_VERSIONS", "stream sample-2"), ("STREAM_HEAD", "streams sample-2"), BOOKS_17},
    ),
    Tamper(
        "position",
        sql("UPDATE events SET position = 400 WHERE position = 17"),
        {
            ("EVENT_MISSING", "position 17"),
            ("EVENT_ALTERED", "position 400"),
            ("STREAM_VERSIONS", "stream sample-2"),
        },
    ),
    Tamper(
        "text",
        sql("UPDATE events SET actor = CAST(x'ff' AS TEXT) WHERE position = 17"),
        {("EVENT_MALFORMED", "position 17")},
    ),
    Tamper(
        "number", sql("UPDATE events SET recorded_at = 'x' WHERE position = 17"), {("EVENT_MALFORMED", "position 17")}
    ),
    Tamper("first", sql("UPDATE events SET actor = 'mallory' WHERE position = 1"), {("EVENT_ALTERED", "position 1")}),
    Tamper(
        "last covered", sql("UPDATE events SET actor = 'x' WHERE position = 40"), {("EVENT_ALTERED", "position 40")}
    ),
    Tamper(
        "unsigned leaf", sql("UPDATE events SET actor = 'x' WHERE position = 43"), {("EVENT_ALTERED", "position 43")}
    ),
    Tamper(
        "two events",
        sql("UPDATE events SET actor = 'x' WHERE position IN (3, 30)"),
        {("EVENT_ALTERED", "position 3"), ("EVENT_ALTERED", "position 30")},
    ),
    Tamper("event with its log", alter_and_rehash, {("HEAD_ROOT", "positions 13-25")}),
    Tamper(
        "event and an older leaf",
        sql(
            "UPDATE events SET actor = 'x' WHERE position = 3",
            'UPDATE merkle_nodes SET hash = zeroblob(32) WHERE level = 0 AND "index" = 29',
        ),
        {("EVENT_ALTERED", "position 3"), ("MERKLE_NODE", "merkle_nodes 0/29")},
    ),
    # removed
    Tamper(
        "removed in the middle",
        sql("DELETE FROM events WHERE position = 17"),
        {("EVENT_MISSING", "position 17"), ("STREAM_VERSIONS", "stream sample-2")},
    ),
    Tamper(
        "several removed in the middle",
        sql("DELETE FROM events WHERE position BETWEEN 16 AND 18"),
        {
            ("EVENT_MISSING", "positions 16-18"),
            ("STREAM_VERSIONS", "stream sample-2"),
            BOOKS_17,
        },
    ),
    Tamper(
        "removed at the end", sql(*drop_event(45), *drop_event(44), *drop_event(43)), {("EVENT_MISSING", "position 43")}
    ),
    Tamper(
        "removed at the end with the log's nodes",
        sql(
            *[step for position in range(45, 37, -1) for step in drop_event(position)],
            'DELETE FROM merkle_nodes WHERE ("index" + 1) << level > 37',
        ),
        {
            ("EVENT_MISSING", "positions 38-40"),
            *(
                ("MERKLE_NODE", f"merkle_nodes {place}")
                for place in ("0/37", "1/18", "0/38", "0/39", "1/19", "2/9", "3/4")
            ),
        },
    ),
    Tamper(
        "removed at the end with nodes and heads",
        sql(*cut(27)),
        {("EVENT_MISSING", "positions 28-40"), ("HEAD_MISSING", "tree_heads 1/40")},
    ),
    Tamper(
        "all removed",
        sql(*(f"DELETE FROM {table}" for table in ("events", "streams", "commands", "merkle_nodes", "tree_heads"))),
        {("EVENT_MISSING", "positions 1-40"), *(("HEAD_MISSING", f"tree_heads 1/{size}") for size in SIZES)},
    ),
    # inserted, duplicated, re-ordered
    Tamper(
        "appended by hand",
        sql(f"INSERT INTO events SELECT 46, stream, version + 1, {REST} FROM events WHERE position = 45"),
        {("STREAM_HEAD", "streams sample-2"), ("COMMAND_RECORD", "commands 55b75314-cc56-57a9-a6eb-af434419c5d0")},
    ),
    Tamper(
        "inserted before the first",
        sql(f"INSERT INTO events SELECT 0, 'other-1', 1, {REST} FROM events WHERE position = 45"),
        {
            ("EVENT_ALTERED", "position 0"),
            ("STREAM_HEAD", "streams other-1"),
            ("COMMAND_RECORD", "commands 55b75314-cc56-57a9-a6eb-af434419c5d0"),
        },
    ),
    Tamper(
        "positions swapped",
        sql(*swap("position", 16, 17)),
        {("EVENT_ALTERED", "position 16"), ALTERED_17, ("STREAM_VERSIONS", "stream sample-2")},
    ),
    Tamper(
        "versions swapped",
        sql(*swap("version", 16, 17)),
        {("EVENT_ALTERED", "position 16"), ALTERED_17, ("STREAM_VERSIONS", "stream sample-2")},
    ),
    Tamper(
        "uncovered positions swapped",
        sql(*swap("position", 44, 45)),
        {("STREAM_VERSIONS", "stream sample-2"), ("COMMAND_RECORD", "commands 55b75314-cc56-57a9-a6eb-af434419c5d0")},
    ),
    # streams and commands
    Tamper(
        "stream's head",
        sql("UPDATE streams SET version = 99 WHERE stream = 'sample-1'"),
        {("STREAM_HEAD", "streams sample-1")},
    ),
    Tamper(
        "stream removed", sql("DELETE FROM streams WHERE stream = 'sample-1'"), {("STREAM_HEAD", "streams sample-1")}
    ),
    Tamper("stream added", sql("INSERT INTO streams VALUES ('ghost-1', 3)"), {("STREAM_HEAD", "streams ghost-1")}),
    Tamper("command removed", sql("DELETE FROM commands WHERE position = 18"), {BOOKS_17}),
    Tamper(
        "command added",
        sql("INSERT INTO commands VALUES ('mine', x'00', 'sample-1', 1, 1, 2)"),
        {("COMMAND_RECORD", "commands mine")},
    ),
    Tamper(
        "empty command added",
        sql("INSERT INTO commands VALUES ('mine', x'00', 'sample-1', 1, 0, 2)"),
        {("COMMAND_RECORD", "commands mine")},
    ),
    *(
        Tamper(f"command {change}", sql(f"UPDATE commands SET {change} WHERE position = 18"), {BOOKS_17})
        for change in (
            "command_hash = x'00'",
            "stream = 'sample-1'",
            "first_version = first_version + 1",
            "first_version = first_version - 1",
            "last_version = last_version + 1",
            "last_version = last_version - 1",
            "position = 17",
        )
    ),
    Tamper(
        "command renamed",
        sql("UPDATE commands SET command_id = 'mine' WHERE position = 18"),
        {BOOKS_17, ("COMMAND_RECORD", "commands mine")},
    ),
    # the log's nodes
    *(
        Tamper(
            f"node {level}/{number}",
            sql(f'UPDATE merkle_nodes SET hash = zeroblob(32) WHERE level = {level} AND "index" = {number}'),
            {("MERKLE_NODE", f"merkle_nodes {level}/{number}")},
        )
        for level, number in ((0, 0), (0, 16), (0, 39), (1, 3), (3, 2), (5, 0))
    ),
    *(
        Tamper(
            f"no node {level}/{number}",
            sql(f'DELETE FROM merkle_nodes WHERE level = {level} AND "index" = {number}'),
            {("MERKLE_NODE", f"merkle_nodes {level}/{number}")},
        )
        for level, number in ((0, 0), (0, 16), (1, 3), (5, 0))
    ),
    *(
        Tamper(
            f"stray node {level}/{number}",
            sql(f"INSERT INTO merkle_nodes VALUES ({level}, {number}, zeroblob(32))"),
            {("MERKLE_NODE", f"merkle_nodes {level}/{number}")},
        )
        for level, number in ((0, -1), (0, 10**12), (1, 21), (6, 0), (80, 0), (-1, 0))
    ),
    Tamper(
        "node of text",
        sql("UPDATE merkle_nodes SET hash = 'x' WHERE level = 0 AND \"index\" = 4"),
        {("MERKLE_NODE", "merkle_nodes 0/4")},
    ),
    # heads in the store
    *(
        Tamper(
            f"head {change}",
            sql(f"UPDATE tree_heads SET {change} WHERE size = 25"),
            {("HEAD_ALTERED", "tree_heads 1/25")},
        )
        for change in (
            "root = zeroblob(32)",
            "previous = zeroblob(32)",
            "position = 24",
            "signed_at = 0",
            "signature = x'00'",
            "signature = 'text'",
            "root = 'text'",
        )
    ),
    Tamper(
        "head's size",
        sql("UPDATE tree_heads SET size = 26 WHERE size = 25"),
        {("HEAD_ALTERED", "tree_heads 1/26"), ("HEAD_MISSING", "tree_heads 1/25")},
    ),
    Tamper(
        "head's epoch",
        sql("UPDATE tree_heads SET epoch = 2 WHERE size = 40"),
        {("HEAD_ALTERED", "tree_heads 2/40"), ("HEAD_MISSING", "tree_heads 1/40")},
    ),
    Tamper(
        "head's key",
        sql("UPDATE tree_heads SET key_id = 'mine' WHERE size = 25"),
        {("HEAD_UNKNOWN_KEY", "tree_heads 1/25")},
    ),
    Tamper("head removed", sql("DELETE FROM tree_heads WHERE size = 25"), {("HEAD_MISSING", "tree_heads 1/25")}),
    Tamper("first head removed", sql("DELETE FROM tree_heads WHERE size = 0"), {("HEAD_MISSING", "tree_heads 1/0")}),
    Tamper("last head removed", sql("DELETE FROM tree_heads WHERE size = 40"), {("HEAD_MISSING", "tree_heads 1/40")}),
    Tamper(
        "head forged",
        sql(
            "INSERT INTO tree_heads SELECT epoch, 43, 43, root, previous, signed_at, key_id, signature"
            " FROM tree_heads WHERE size = 40"
        ),
        {("HEAD_ALTERED", "tree_heads 1/43")},
    ),
    # the store's own table
    Tamper("kind", sql("UPDATE store SET value = 'real' WHERE key = 'kind'"), {("STORE_INFO", "store kind")}),
    Tamper(
        "store_id", sql("UPDATE store SET value = 'other' WHERE key = 'store_id'"), {("STORE_INFO", "store store_id")}
    ),
    Tamper(
        "partitions", sql("UPDATE store SET value = '4' WHERE key = 'partitions'"), {("STORE_INFO", "store partitions")}
    ),
    Tamper(
        "programme", sql("UPDATE store SET value = 'x' WHERE key = 'programme'"), {("STORE_INFO", "store programme")}
    ),
    Tamper(
        "created_at", sql("UPDATE store SET value = 'x' WHERE key = 'created_at'"), {("STORE_INFO", "store created_at")}
    ),
    Tamper("info added", sql("INSERT INTO store VALUES ('note', 'x')"), {("STORE_INFO", "store note")}),
    Tamper(
        "epoch back", sql("UPDATE store SET value = '0' WHERE key = 'epoch'"), {("EPOCH_MOVED_BACK", "store epoch")}
    ),
    Tamper(
        "epoch raised", sql("UPDATE store SET value = '2' WHERE key = 'epoch'"), {("EPOCH_NOT_SIGNED", "store epoch")}
    ),
    # what was published
    Tamper("published cut off", edit(lambda lines: lines[:-1]), {("PUBLISHED_MISSING", f"{HEADS} 1/40")}),
    Tamper(
        "published torn",
        edit(lambda lines: [*lines[:-1], lines[-1][:50]]),
        {("PUBLISHED_ALTERED", f"{HEADS}:4"), ("PUBLISHED_MISSING", f"{HEADS} 1/40")},
    ),
    Tamper("published emptied", edit(lambda lines: []), {("PUBLISHED_MISSING", f"{HEADS} 1/{size}") for size in SIZES}),
    Tamper(
        "published deleted",
        lambda city: city.heads_file.unlink(),
        {("PUBLISHED_MISSING", f"{HEADS} 1/{size}") for size in SIZES},
    ),
    Tamper(
        "published line taken out",
        edit(lambda lines: [*lines[:2], *lines[3:]]),
        {("PUBLISHED_CHAIN", f"{HEADS}:3"), ("PUBLISHED_MISSING", f"{HEADS} 1/25")},
    ),
    Tamper(
        "line and head taken out",
        both(edit(lambda lines: [*lines[:2], *lines[3:]]), sql("DELETE FROM tree_heads WHERE size = 25")),
        {("PUBLISHED_CHAIN", f"{HEADS}:3")},
    ),
    Tamper(
        "published first line taken out",
        edit(lambda lines: lines[1:]),
        {("PUBLISHED_CHAIN", f"{HEADS}:1"), ("PUBLISHED_MISSING", f"{HEADS} 1/0")},
    ),
    Tamper(
        "published lines swapped",
        edit(lambda lines: [lines[0], lines[2], lines[1], lines[3]]),
        {("PUBLISHED_CHAIN", f"{HEADS}:{number}") for number in (2, 3, 4)},
    ),
    Tamper("published line twice", edit(lambda lines: [*lines, lines[-1]]), {("PUBLISHED_CHAIN", f"{HEADS}:5")}),
    Tamper(
        "published value",
        edit(lambda lines: [*lines[:2], lines[2].replace(b'"size":25', b'"size":24'), lines[3]]),
        {("PUBLISHED_ALTERED", f"{HEADS}:3"), ("PUBLISHED_MISSING", f"{HEADS} 1/25")},
    ),
    Tamper(
        "published with a blank",
        edit(lambda lines: [*lines[:2], lines[2].replace(b'"size":25', b'"size": 25'), lines[3]]),
        {("PUBLISHED_ALTERED", f"{HEADS}:3"), ("PUBLISHED_MISSING", f"{HEADS} 1/25")},
    ),
    Tamper("published garbage", edit(lambda lines: [*lines, b"\xff\n"]), {("PUBLISHED_ALTERED", f"{HEADS}:5")}),
    Tamper(
        "published without an end",
        edit(lambda lines: [*lines, b"x" * 40_000]),
        {("PUBLISHED_ALTERED", f"{HEADS}:{number}") for number in (5, 6, 7)},
    ),
    Tamper(
        "published forged",
        lambda city: city.write([*city.lines(), forged(city, key_id="0123456789abcdef", size=43, position=43)]),
        {("HEAD_UNKNOWN_KEY", f"{HEADS}:5")},
    ),
    Tamper(
        "published forged under our key's id",
        lambda city: city.write([*city.lines(), forged(city, size=43, position=43)]),
        {("PUBLISHED_ALTERED", f"{HEADS}:5")},
    ),
    Tamper("pending garbage", lambda city: city.pending_file.write_bytes(b"{}"), {("PUBLISHED_ALTERED", PENDING)}),
    Tamper(
        "pending forged",
        lambda city: city.pending_file.write_bytes(forged(city, size=44)),
        {("PUBLISHED_ALTERED", PENDING)},
    ),
    Tamper("key removed", lambda city: (city.published / "truth.pub").unlink(), {("PUBLISHED_KEY", "truth.pub")}),
    Tamper(
        "key damaged", lambda city: (city.published / "truth.pub").write_text("x"), {("PUBLISHED_KEY", "truth.pub")}
    ),
    # store and published files together
    Tamper(
        "no heads anywhere",
        both(
            sql("DELETE FROM tree_heads"),
            lambda city: city.heads_file.unlink(),
            lambda city: (city.published / "truth.pub").unlink(),
        ),
        {("NO_HEADS", HEADS)},
    ),
    Tamper(
        "no log anywhere",
        both(sql("DELETE FROM tree_heads", "DELETE FROM merkle_nodes"), lambda city: shutil.rmtree(city.published)),
        {("NO_HEADS", HEADS)},
    ),
]


LOOSE = frozenset({"data", "text", "number", "node of text", "head signature = 'text'", "head root = 'text'"})
"""What PostgreSQL takes into no column of ours."""

CASES = [
    pytest.param(database, tamper, id=f"{database} {tamper.name}")
    for database in DATABASES
    for tamper in TAMPERS
    if database == "sqlite" or not (tamper.name in LOOSE or tamper.name.startswith(("published ", "pending ", "key ")))
]


@pytest.mark.parametrize(("made", "tamper"), CASES, indirect=["made"])
def test_tampering_is_found_and_named(city: City, tamper: Tamper) -> None:
    tamper.act(city)
    report = city.audit()
    assert found(report) == tamper.expected
    assert not report.ok
    assert sum(report.counts.values()) == len(report.findings)
    assert all(finding.message and finding.english for finding in report.findings)


def test_many_findings_are_counted_and_some_listed(city: City) -> None:
    city.sql("UPDATE events SET actor = 'mallory' WHERE position <= 40")
    report = city.audit()
    assert report.counts == {"EVENT_ALTERED": 40}
    assert len(report.findings) == 20


def test_another_key_vouches_for_nothing(city: City) -> None:
    report = city.audit(Ed25519PrivateKey.generate().public_key())
    assert report.counts == {"HEAD_UNKNOWN_KEY": 2 * len(SIZES), "PUBLISHED_KEY": 1}
    assert report.covered == 0


def test_a_store_put_back_with_its_books_is_found_by_what_was_published(city: City) -> None:
    backup = city.backup()
    store = city.open()
    append_events(store, 15)
    log = city.log(store)
    follow(log)
    log.sign()
    log.close()
    store.close()
    city.put_back(backup)
    assert found(city.audit()) == {("EVENT_MISSING", "positions 46-60"), ("HEAD_MISSING", "tree_heads 1/60")}


COVERED = {
    "events": "position <= 43",
    "streams": "stream <> ''",
    "commands": "position > 0",
    "merkle_nodes": '("index" + 1) << level <= 40',
    "tree_heads": "size >= 0",
    "store": "key <> ''",
}
"""The rows that something vouches for."""
VALUES = (
    "NULL",
    "0",
    "1",
    "-1",
    "7",
    "45",
    "1e9",
    "''",
    "'x'",
    "'sample-1'",
    "x''",
    "x'00'",
    "zeroblob(32)",
    "'2017-01-02'",
)


@st.composite
def alterations(draw: st.DrawFn) -> tuple[str, int, int | None, str]:
    """A table, a row of it, a column (None: the row is removed) and the SQL of a value."""
    table = draw(st.sampled_from(sorted(COVERED)))
    column = draw(st.none() | st.integers(0, 13))
    return table, draw(st.integers(0, 10_000)), column, draw(st.sampled_from(VALUES))


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
@settings(max_examples=150, deadline=None)
@given(alterations())
def test_any_alteration_of_a_row_is_found(made: City, alteration: tuple[str, int, int | None, str]) -> None:
    with TemporaryDirectory() as folder:
        city = copy_of(made, Path(folder) / "city")
        assert not alter(city, *alteration) or is_noticed(city)


def is_noticed(city: City) -> bool:
    """A store whose own table is damaged does not even open."""
    try:
        return not city.audit().ok
    except StoreUnusable:
        return True


def alter(city: City, table: str, number: int, column: int | None, value: str) -> bool:
    """Whether the row is another one than before: the database may refuse, or the value be the same."""
    before = city.ask(f"SELECT * FROM {table} WHERE {COVERED[table]}")
    names = [row[1] for row in city.ask(f"PRAGMA table_info({table})")]
    key = [row[1] for row in city.ask(f"PRAGMA table_info({table})") if row[5]]
    row = dict(zip(names, before[number % len(before)], strict=True))
    where = " AND ".join(f'"{name}" = {row[name]!r}' for name in key)
    change = (
        f"DELETE FROM {table}" if column is None else f'UPDATE {table} SET "{names[column % len(names)]}" = {value}'
    )
    try:
        city.sql(f"{change} WHERE {where}")
    except sqlite3.IntegrityError:
        return False
    return city.ask(f"SELECT * FROM {table} WHERE {COVERED[table]}") != before


@pytest.mark.parametrize("made", ["sqlite"], indirect=True)
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.data())
def test_any_bent_byte_of_the_published_file_is_found(made: City, number: int, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        city = copy_of(made, Path(folder) / "city")
        lines = city.lines()
        at = data.draw(st.integers(0, len(lines[number]) - 1))
        bent = bytearray(lines[number])
        bent[at] ^= data.draw(st.integers(1, 255))
        city.write([*lines[:number], bytes(bent), *lines[number + 1 :]])
        assert not city.audit().ok


def test_audits_stay_green_while_commands_and_follower_go_on(city: City) -> None:
    writing, following = city.open(), city.open()
    log = city.log(following, interval_seconds=0.0, batch=7)
    log.start()
    done, failures = threading.Event(), list[BaseException]()

    def keep(work: Callable[[], object]) -> None:
        try:
            while not done.is_set():
                work()
        except BaseException as error:  # noqa: BLE001 - the test's own thread reports it
            failures.append(error)

    threads = [threading.Thread(target=keep, args=(work,)) for work in (lambda: append_events(writing, 2), log.step)]
    for thread in threads:
        thread.start()
    reports = [city.audit()]
    while len(reports) < 15 or reports[-1].covered < 100:
        reports.append(city.audit())
        if not reports[-1].ok or failures:
            break
    done.set()
    for thread in threads:
        thread.join()
    log.close()
    following.close()
    writing.close()
    assert not failures
    assert [report.findings for report in reports if not report.ok] == []
    assert reports[-1].covered >= 100
