"""Which epoch an event bears when it is sent again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import insert

from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.event_store.schema import tree_heads
from services.chassis.kafka.recorded_epochs import RecordedEpochs
from tests.stores import append_events, make_store

Heads = Sequence[tuple[int, int]]
"""(epoch, size) of each signed head."""


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Envelope:
    with closing(make_store(tmp_path_factory.mktemp("event") / "sample.sqlite")) as store:
        append_events(store, 1)
        return next(iter(store.scan()))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        yield made


@pytest.mark.parametrize(
    ("heads", "now", "expected"),
    [
        pytest.param([], 1, {1: 1, 99: 1}, id="never put back, no head yet"),
        pytest.param([(1, 0), (1, 50)], 1, {1: 1, 99: 1}, id="never put back"),
        pytest.param([(1, 7)], 1, {1: 1, 7: 1, 8: 1}, id="a log that began late"),
        pytest.param([(1, 0), (1, 50), (2, 20), (2, 90)], 2, {1: 1, 20: 1, 21: 2, 99: 2}, id="put back once"),
        pytest.param(
            [(1, 0), (2, 20), (3, 35)], 3, {20: 1, 21: 2, 35: 2, 36: 3}, id="put back again, to what came later"
        ),
        pytest.param([(1, 0), (2, 20), (3, 10)], 3, {10: 1, 11: 3, 25: 3}, id="put back again, to what was before"),
        pytest.param([(1, 0), (1, 50)], 2, {1: 2, 99: 2}, id="an epoch that signed no head yet"),
    ],
)
def test_the_epoch_of_an_event(
    store: EventStore, event: Envelope, heads: Heads, now: int, expected: dict[int, int]
) -> None:
    given = {"root": b"", "previous": b"", "signed_at": 0, "key_id": "", "signature": b""}
    with store.engine.connect() as connection:
        for epoch, size in heads:
            connection.execute(insert(tree_heads).values(epoch=epoch, size=size, position=size, **given))
    epochs = RecordedEpochs(store.engine, now)
    for position, epoch in expected.items():
        read = msgspec.structs.replace(event, position=position, epoch=now)
        assert epochs.original(read).epoch == epoch
