"""A folder with a store, its Merkle log and its published files, as tests make and alter them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.event_store import EventStore
from services.chassis.truth import AuditReport, MerkleLog, verify
from tests.stores import append_events, make_store, open_store

SIZES = (0, 12, 25, 40)
"""Heads of the sample, in order."""
EVENTS = 45
LEAVES = 43
"""Three leaves are younger than the last head, two events younger than the last leaf."""

STORE, HEADS, PENDING = "sample.db", "sample.heads.jsonl", "sample.head.pending"


class City:
    """A folder with a store, its published files and the key; `log` and `store` open them anew."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.published = folder / "published"
        self.heads_file = self.published / HEADS
        self.pending_file = self.published / PENDING

    @property
    def key(self) -> Ed25519PrivateKey:
        return signing_key(self.folder / "keys", TRUTH_KEY)

    def open(self) -> EventStore:
        return open_store(self.folder / STORE)

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
        connection = sqlite3.connect(self.folder / STORE, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()

    def ask(self, query: str) -> list[Any]:
        connection = sqlite3.connect(self.folder / STORE)
        rows = connection.execute(query).fetchall()
        connection.close()
        return rows

    def lines(self) -> list[bytes]:
        return self.heads_file.read_bytes().splitlines(keepends=True)

    def write(self, lines: list[bytes]) -> None:
        self.heads_file.write_bytes(b"".join(lines))


def follow(log: MerkleLog) -> None:
    while log.step():
        pass


def make_city(folder: Path) -> City:
    """A city whose log has the heads of SIZES, and some events and leaves beyond."""
    city = City(folder)
    store = make_store(folder / STORE)
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
    return City(folder)


def found(report: AuditReport) -> set[tuple[str, str]]:
    """Code and place of each finding."""
    return {(str(finding.code), finding.place) for finding in report.findings}
