"""A reader knows in which epoch another service's store is, from the store's own table."""

from __future__ import annotations

import pytest

from services.chassis.event_store.opening import create_store, epoch_of
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.event_store.store_info import begin_epoch
from services.chassis.kafka.newest_epochs import NewestEpochs
from services.chassis.kafka.records import UnknownEpoch
from tests.servers import Postgres
from tests.stores import store_info


def test_the_epoch_is_read_anew_when_a_record_says_that_there_is_a_later_one(postgres: Postgres) -> None:
    url = postgres.database()
    create_store(PostgresDialect(url, "sample"), store_info("sample"))
    epochs = NewestEpochs(lambda service: epoch_of(PostgresDialect(url, service)))
    epochs.require_begun("sample", 1)
    with pytest.raises(UnknownEpoch, match="of epoch 3, and the store is in epoch 1"):
        epochs.require_begun("sample", 3)
    begin_epoch(PostgresDialect(url, "sample"), 3)
    assert epochs.newest("sample") == 3
    epochs.require_begun("sample", 3)
    epochs.require_begun("sample", 2)


def test_a_store_is_not_asked_for_each_record() -> None:
    asked: list[str] = []

    def ask(service: str) -> int:
        asked.append(service)
        return 1

    epochs = NewestEpochs(ask)
    for _ in range(1000):
        epochs.require_begun("sample", 1)
    assert asked == ["sample"]


def test_where_the_epoch_cannot_be_known_nothing_is_refused(postgres: Postgres) -> None:
    """There is no such store, or its schema is not ours to read."""
    url = postgres.database()
    create_store(PostgresDialect(url, "sample"), store_info("sample"))
    name = url.rpartition("/")[2]
    postgres.execute(f"CREATE ROLE {name}_reader LOGIN PASSWORD 'secret'")
    stranger = PostgresDialect(f"postgresql://{name}_reader:secret@{url.rpartition('@')[2]}", "sample")
    for dialect in (PostgresDialect(url, "other"), stranger):
        assert epoch_of(dialect) is None
        NewestEpochs(lambda _, at=dialect: epoch_of(at)).require_begun("sample", 7)  # type: ignore[misc]
