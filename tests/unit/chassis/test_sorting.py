"""A page of deliveries sorted at once says what its deliveries say one by one."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime

import pytest

from services.chassis.bus.epochs import Beginnings, GivenUp
from services.chassis.bus.port import NOT_RECORDED, Delivery, Source
from services.chassis.bus.sorting import Sorting
from services.chassis.envelope import Envelope
from services.chassis.sinks.checkpoints import Checkpoint


def delivery(partition: int, position: int, previous: int, epoch: int = 1, *, own_epoch: bool = True) -> Delivery:
    envelope = Envelope(
        service="tracking",
        epoch=epoch,
        position=position,
        partition=partition,
        stream=f"project-{partition}",
        version=position,
        type="t.v1",
        occurred_on=date(2017, 1, 1),
        recorded_at=datetime(2017, 1, 1, tzinfo=UTC),
        actor="a",
        command_id="c",
        command_hash=b"",
        correlation_id="c",
        causation_id="c",
        traceparent=None,
        data=b"{}",
    )
    return Delivery(envelope, previous, position, own_epoch)


def one_by_one(page: list[Delivery], at: dict[Source, Checkpoint], beginnings: Beginnings) -> list[object]:
    places, fresh, ahead, old = dict(at), [], dict[Source, int](), 0
    for each in page:
        found = Sorting([each], places, beginnings)
        places |= found.moved
        fresh += found.fresh
        old += found.old
        ahead |= {source: max(seen, ahead.get(source, 0)) for source, seen in found.ahead.items()}
    return [fresh, places, ahead, old]


@pytest.mark.parametrize("seed", range(30))
def test_a_page_is_sorted_as_its_deliveries_one_by_one(seed: int) -> None:
    chance = random.Random(seed)
    chains = [[delivery(number, at + 1, at) for at in range(40)] for number in range(3)]
    page = [each for chain in chains for each in chain if chance.random() > 0.02]
    page.sort(key=lambda each: (each.envelope.position + chance.choice((0, 0, 0, 9)), each.envelope.partition))
    page += chance.sample(page, 20)
    at = {("tracking", 1): Checkpoint(1, 7, 7)}
    beginnings = {"tracking": {2: 25}} if seed % 3 == 0 else {}
    found = Sorting(page, at, beginnings)
    assert [found.fresh, {**at, **found.moved}, found.ahead, found.old] == one_by_one(page, at, beginnings)


def test_a_newer_epoch_goes_on_where_the_one_before_ended() -> None:
    found = Sorting([delivery(0, 1, 0), delivery(0, 2, 1), delivery(0, 3, 2, 2), delivery(0, 4, 3, 2)], {}, {})
    assert [each.envelope.position for each in found.fresh] == [1, 2, 3, 4]
    assert found.moved == {("tracking", 0): Checkpoint(2, 4, 4)}


def test_a_newer_epoch_that_begins_before_what_was_applied_is_refused() -> None:
    with pytest.raises(GivenUp):
        Sorting([delivery(0, 1, 0), delivery(0, 2, 1), delivery(0, 2, 1, 2)], {}, {})


def test_a_position_that_does_not_rise_is_not_taken_twice() -> None:
    found = Sorting([delivery(0, 1, 0), delivery(0, 2, 1), delivery(0, 2, 2), delivery(0, 2, 1)], {}, {})
    assert len(found.fresh) == 2
    assert found.old == 2


def test_what_the_store_has_not_recorded_is_never_next_in_whatever_epoch() -> None:
    page = [delivery(0, 1, 0), delivery(0, 9, NOT_RECORDED), delivery(0, 9, NOT_RECORDED, 2), delivery(0, 2, 1)]
    found = Sorting(page, {}, {})
    assert [each.envelope.position for each in found.fresh] == [1, 2]
    assert found.ahead == {("tracking", 0): 9}
