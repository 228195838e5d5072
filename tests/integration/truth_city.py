"""A folder with a store, its Merkle log and its published files, as tests make and alter them."""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import create_store
from services.chassis.truth import AuditReport, MerkleLog, verify
from tests.databases import Database, Postgresql, Sqlite, run_all
from tests.stores import append_events, store_info

SIZES = (0, 12, 25, 40)
"""Heads of the sample, in order."""
EVENTS = 45
LEAVES = 43
"""Three leaves are younger than the last head, two events younger than the last leaf."""

STORE, HEADS, PENDING = "events.sqlite", "sample.heads.jsonl", "sample.head.pending"


class City:
    """A folder with a store (or beside one in a database), its published files and the key; `log` and `open` open them
    anew."""

    def __init__(self, folder: Path, database: Database | None = None) -> None:
        self.folder = folder
        self.database = database or Sqlite(folder)
        self.published = folder / "published"
        self.heads_file = self.published / HEADS
        self.pending_file = self.published / PENDING

    @property
    def key(self) -> Ed25519PrivateKey:
        return signing_key(self.folder / "keys", TRUTH_KEY)

    def make(self) -> EventStore:
        """The store, new and empty."""
        create_store(self.database.dialect(), store_info("sample"))
        return self.open()

    def open(self) -> EventStore:
        return EventStore(self.database.dialect(), "sample")

    def log(
        self,
        store: EventStore,
        *,
        interval_seconds: float = 1e9,
        batch: int = 500,
        monotonic: Callable[[], float] = lambda: 0.0,
    ) -> MerkleLog:
        """A follower that signs when told (by its interval, never), always at the same real time."""
        return MerkleLog(
            store,
            self.key,
            self.published,
            interval_seconds=interval_seconds,
            batch=batch,
            monotonic=monotonic,
            now=lambda: 1,
        )

    def audit(self, key: Ed25519PublicKey | None = None) -> AuditReport:
        store = self.open()
        try:
            return verify(store, self.published, key or self.key.public_key())
        finally:
            store.close()

    def sql(self, *statements: str) -> None:
        """Statements as SQLite writes them, on one connection."""
        if isinstance(self.database, Postgresql):
            run_all(self.database.url, map(_of_postgresql, statements))
            return
        connection = sqlite3.connect(self.folder / STORE, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def ask(self, query: str) -> list[Any]:
        return self.database.ask(query)

    def backup(self) -> Database:
        """A copy of the store; nobody may have it open."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if isinstance(self.database, Sqlite):
            shutil.copy(self.database.path, folder)
        return self.database.copy(folder)

    def put_back(self, backup: Database) -> None:
        """Let the store be as that copy is."""
        if isinstance(backup, Sqlite):
            shutil.copy(backup.path, self.folder / STORE)
        else:
            self.database.close()
            self.database = backup

    def lines(self) -> list[bytes]:
        return self.heads_file.read_bytes().splitlines(keepends=True)

    def write(self, lines: list[bytes]) -> None:
        self.heads_file.write_bytes(b"".join(lines))


def follow(log: MerkleLog) -> None:
    while log.step():
        pass


def _of_postgresql(statement: str) -> str:
    """Bytes are written otherwise there."""
    bytewise = re.sub(r"x'([0-9a-f]*)'", r"'\\x\1'::bytea", statement)
    return bytewise.replace("zeroblob(32)", "decode(repeat('00', 32), 'hex')")


def make_city(folder: Path, database: Database | None = None) -> City:
    """A city whose log has the heads of SIZES, and some events and leaves beyond."""
    city = City(folder, database)
    store = city.make()
    log = city.log(store)
    log.start()
    for before, after in zip((*SIZES, LEAVES), (*SIZES[1:], LEAVES, EVENTS), strict=True):
        append_events(store, after - before, events=3)
        if after != EVENTS:
            follow(log)
        if after in SIZES:
            log.sign()
    log.close()
    store.close()
    return city


def copy_of(made: City, folder: Path) -> City:
    shutil.copytree(made.folder, folder)
    return City(folder, made.database.copy(folder))


def found(report: AuditReport) -> set[tuple[str, str]]:
    """Code and place of each finding."""
    return {(str(finding.code), finding.place) for finding in report.findings}


def cities(request: pytest.FixtureRequest, folder: Path) -> City:
    """For a fixture over DATABASES: a city that stands on the one it is asked for."""
    if request.param == "sqlite":
        return make_city(folder)
    url = request.getfixturevalue("postgres").database()
    return make_city(folder, Postgresql(url))


def copies(made: City, folder: Path) -> Iterator[City]:
    """For a fixture: a copy that may be altered."""
    city = copy_of(made, folder)
    yield city
    city.database.close()
