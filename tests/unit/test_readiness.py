"""For how long a trouble is borne before a service says that it is not ready."""

from __future__ import annotations

import threading
from typing import cast

import pytest
from sqlalchemy.exc import OperationalError

from services.chassis.event_store import EventStore, StoreUnusable
from services.chassis.hosting import readiness
from services.chassis.hosting.readiness import DatabaseWatch, Patience
from tests.waiting import eventually


def test_nothing_is_borne_before_all_was_well_once() -> None:
    patience = Patience(3600)
    assert patience.at_an_end
    patience.well()
    assert not patience.at_an_end


def test_patience_ends() -> None:
    patience = Patience(0.05)
    patience.well()
    eventually(lambda: patience.at_an_end)


class Store:
    """Answers, fails or keeps silent, as it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def last_position(self) -> int:
        self.answers.wait(30)
        if isinstance(self.error, OperationalError):
            raise self.error
        return 1

    def require_revision(self) -> None:
        if self.error is not None:
            raise self.error


def watch_of(store: Store) -> DatabaseWatch:
    return DatabaseWatch(cast(EventStore, store))


def test_a_database_that_fails_is_told_until_it_answers_again() -> None:
    store = Store()
    watch = watch_of(store)
    watch.step()
    assert watch.trouble is None
    store.error = OperationalError("SELECT 1", {}, Exception("connection refused"))
    watch.step()
    assert watch.trouble is not None
    assert "the database can't be reached: connection refused" in watch.trouble
    store.error = None
    watch.step()
    assert watch.trouble is None


def test_a_database_that_was_migrated_meanwhile_is_told() -> None:
    store = Store()
    watch = watch_of(store)
    store.error = StoreUnusable("made by a newer bizenv: upgrade")
    watch.step()
    assert watch.trouble == "made by a newer bizenv: upgrade"


def test_a_database_that_keeps_silent_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "SILENT_SECONDS", 0.05)
    store = Store()
    watch = watch_of(store)
    store.answers.clear()
    asking = threading.Thread(target=watch.step)
    asking.start()
    eventually(lambda: "has not answered for" in (watch.trouble or ""))
    store.answers.set()
    asking.join()
    assert watch.trouble is None
