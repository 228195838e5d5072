"""Which views say `shared`: exactly those in whose rows facts of several streams come together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from services.catalogue import SERVICES
from services.chassis.envelope import Envelope
from services.chassis.service import Service
from services.chassis.views.view import FoldedView

VIEWS = [
    pytest.param(service, view, id=f"{service.name}-{view.name}")
    for service in SERVICES
    for view in service.views
    if isinstance(view, FoldedView)
]


def streams_of(service: Service) -> Iterator[str]:
    """Two streams of each aggregate whose facts it listens to, with the same two entities everywhere."""
    for other in SERVICES:
        if other.name in service.listens_to:
            for aggregate in other.aggregates:
                yield from (f"{aggregate.decider.prefix}{entity}" for entity in ("one", "two"))


def fact(stream: str) -> Envelope:
    return Envelope(
        service="any",
        epoch=1,
        position=1,
        partition=0,
        stream=stream,
        version=1,
        type="any",
        occurred_on=date(2017, 1, 1),
        recorded_at=datetime(2017, 1, 1, tzinfo=UTC),
        actor="any",
        command_id="any",
        command_hash=b"",
        correlation_id="any",
        causation_id="any",
        traceparent=None,
        data=b"{}",
    )


@pytest.mark.parametrize(("service", "view"), VIEWS)
def test_rows_of_several_streams_are_said_to_be_shared(service: Service, view: FoldedView) -> None:
    """A view takes the facts that it has handlers for, so only the streams that bear them count."""
    rows: dict[str, set[str]] = {}
    for stream in _taken(service, view):
        key = view.key(fact(stream))
        if key is not None:
            rows.setdefault(key, set()).add(stream)
    assert rows, "it takes some facts"
    assert any(len(streams) > 1 for streams in rows.values()) is view.shared, rows


def _taken(service: Service, view: FoldedView) -> Iterator[str]:
    prefixes = {event.type.split(".")[1] for event in view.handlers}
    yield from (stream for stream in streams_of(service) if stream.partition("-")[0] in prefixes)
