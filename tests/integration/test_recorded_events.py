"""Records that look like events and are none: the store is asked before anything follows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from services.chassis.bus.consumer import Consumer, catch_up
from services.chassis.bus.port import NOT_RECORDED, Delivery, Source
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import create_store
from services.chassis.event_store.postgresql import PostgresDialect
from services.chassis.event_store.store_info import begin_epoch
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.recorded_events import RecordedEvents
from services.chassis.postgres.schema import PostgresSchema
from services.chassis.registry import MalformedEvent
from services.chassis.views.database import ViewDatabase
from tests.flow_city import NAME, FlowCity, flow_city
from tests.followers import record
from tests.servers import Kafka, Postgres
from tests.stores import store_info
from tests.waiting import eventually


@pytest.fixture
def store(postgres: Postgres) -> Iterator[EventStore]:
    dialect = PostgresDialect(postgres.database(), NAME)
    create_store(dialect, store_info(NAME))
    with closing(EventStore(dialect, NAME)) as made:
        record(made, 20)
        yield made


@pytest.fixture
def city(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> Iterator[FlowCity]:
    with flow_city(postgres, kafka, tmp_path) as made:
        yield made


def delivered(store: EventStore) -> list[Delivery]:
    """Each as a topic has it; what it names as the one before it does not matter here."""
    return [Delivery(envelope, 0, offset) for offset, envelope in enumerate(store.scan(), 1)]


def altered(delivery: Delivery, **other: object) -> Delivery:
    return msgspec.structs.replace(delivery, envelope=msgspec.structs.replace(delivery.envelope, **other))


class Refused:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def __call__(self, delivery: Delivery, reason: MalformedEvent) -> None:
        self.reasons.append(str(reason))


def keep(store: EventStore, *deliveries: Delivery) -> tuple[list[Delivery], list[str]]:
    refused = Refused()
    return RecordedEvents(store.engine).keep(deliveries, refused), refused.reasons


def test_what_the_store_has_is_kept_as_it_is(store: EventStore) -> None:
    assert keep(store, *delivered(store)) == (delivered(store), [])
    assert keep(store) == ([], [])


def chained(store: EventStore) -> list[Delivery]:
    """As a topic has it: each names the one before it in its partition."""
    last: dict[int, int] = {}
    found = []
    for each in delivered(store):
        partition, position = each.envelope.partition, each.envelope.position
        found.append(msgspec.structs.replace(each, previous=last.get(partition, 0)))
        last[partition] = position
    return found


def test_one_that_was_put_into_a_chain_is_refused_wherever_it_stands(store: EventStore) -> None:
    """Of an unbroken chain only the end is looked at."""
    records = chained(store)
    assert keep(store, *records) == (records, [])
    for number, before in enumerate(records):
        position = before.envelope.position
        forged = msgspec.structs.replace(altered(before, position=position + 1), previous=position)
        kept, reasons = keep(store, *records[: number + 1], forged, *records[number + 1 :])
        assert kept == records
        assert len(reasons) == 1


def test_an_event_at_another_position_or_of_no_stream_is_refused(store: EventStore) -> None:
    first, second, third, *_ = delivered(store)
    wrong = [
        altered(second, position=third.envelope.position),
        altered(second, version=2**40),
        altered(second, stream="counter-nobody"),
        altered(second, stream="counter-\0"),
    ]
    kept, reasons = keep(store, first, *wrong, third)
    assert kept == [first, third]
    assert len(reasons) == 4
    assert f"the store has no event {second.envelope.id} at position 3" in reasons[0]


def test_what_lies_behind_all_that_the_store_has_is_told_apart(store: EventStore) -> None:
    """The store may have been put back and have it again later; but not what a former epoch had there."""
    last = delivered(store)[-1]
    assert len(keep(store, altered(last, position=21))[1]) == 1, "the store has it elsewhere"
    beyond = altered(last, position=21, version=99)
    assert keep(store, beyond) == ([msgspec.structs.replace(beyond, previous=NOT_RECORDED)], [])
    assert keep(store, altered(beyond, position=2**62))[1] == []
    begin_epoch(store.dialect, 2)
    kept, reasons = keep(store, beyond)
    assert (kept, len(reasons)) == ([], 1)


def test_where_a_store_cannot_be_read_nothing_is_refused(store: EventStore) -> None:
    elsewhere = altered(delivered(store)[0], service="elsewhere", position=99)
    assert keep(store, elsewhere) == ([elsewhere], [])


def test_a_database_that_is_away_is_a_passing_trouble(store: EventStore) -> None:
    engine, facts = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"), delivered(store)
    with pytest.raises(OperationalError):
        RecordedEvents(engine).keep(facts, Refused())
    with psycopg.connect(store.engine.url.set(drivername="postgresql").render_as_string(False)) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(OperationalError):
        keep(store, *facts)
    eventually(lambda: kept_again(store, facts))


def kept_again(store: EventStore, facts: list[Delivery]) -> bool:
    try:
        return keep(store, *facts) == (facts, [])
    except OperationalError:
        return False


# --- on Kafka -----------------------------------------------------------------------------------------------------


class Following:
    """The city's views, fed by a bus that asks the store."""

    def __init__(self, city: FlowCity) -> None:
        self.city = city
        self.bus = KafkaBus(city.publisher.cluster, None, recorded=RecordedEvents(city.store.engine))
        self.intake = city.intake()
        self.consumer = Consumer("views", self.bus, [NAME], [self.intake], shared=False)

    def __enter__(self) -> None:
        """Its consumer is stopped at the end."""

    def __exit__(self, *_: object) -> None:
        self.consumer.stop()

    def reached(self) -> bool:
        """Whether the views have come to the end of every partition of the store."""
        self.consumer.turn()
        assert self.consumer.failure is None
        ends = {envelope.partition: envelope.position for envelope, _ in self.city.facts()}
        return all(self.intake.checkpoints[NAME, number].position == end for number, end in ends.items())

    def rebuilt(self, missing: Collection[Source] = ()) -> dict[str, str]:
        """Checksums of views built anew from the topic."""
        self.city.sql("DROP SCHEMA IF EXISTS sample_views_2 CASCADE")
        place = PostgresSchema(self.city.url, f"{NAME}_views_2")
        with closing(ViewDatabase(place, self.city.service.views, self.city.registry)) as database:
            intake = self.city.intake(database)
            catch_up(self.bus, [NAME], intake)
            assert intake.missing == set(missing)
            return database.checksum()


def forge(city: FlowCity, **other: object) -> Envelope:
    """The last record of a partition once more, as if it were the next event there."""
    last = city.facts()[-3][0]
    mine = [envelope for envelope, _ in city.facts() if envelope.partition == last.partition]
    found = msgspec.structs.replace(mine[-1], **{"position": mine[-1].position + 1, **other})
    city.publisher.send(found, mine[-1].position)
    city.publisher.flush()
    return found


def test_a_plausible_record_moves_no_checkpoint_and_what_follows_comes(city: FlowCity) -> None:
    city.settle(40)
    following = Following(city)
    with following:
        eventually(following.reached, what="the beginning")
        forged = forge(city)
        for _ in range(3):
            following.consumer.turn()
        assert following.intake.checkpoints[NAME, forged.partition].position == forged.position - 1
        city.live(60)
        city.relay()
        eventually(following.reached, what="what was recorded after it")
        assert not following.intake.has_holes
        assert following.rebuilt() == city.database.checksum()
        assert all(view.equal for view in city.audit().services[0].views)


def test_a_record_of_what_no_store_has_yet_holds_up_nothing_and_is_told(city: FlowCity) -> None:
    city.settle(40)
    following = Following(city)
    with following:
        eventually(following.reached, what="the beginning")
        far = forge(city, version=99)
        forge(city, position=10**6, version=100)
        city.live(60)
        city.relay()
        eventually(following.reached, what="what was recorded after it")
        assert following.rebuilt({(NAME, far.partition)}) == city.database.checksum()


def test_what_a_store_that_was_put_back_has_again_is_taken(city: FlowCity) -> None:
    city.settle(20)
    left = city.store.last_position()
    city.live(5)
    city.relay()
    before = city.facts()
    city.sql(f"CREATE TABLE sample.lost AS SELECT * FROM sample.events WHERE position > {left}")
    city.sql(f"DELETE FROM sample.events WHERE position > {left}")
    following = Following(city)
    with following:
        eventually(lambda: following.consumer.turn() == 0 or following.intake.has_holes)
        assert all(at.position <= left for at in following.intake.checkpoints.values())
        city.sql("INSERT INTO sample.events SELECT * FROM sample.lost")
        assert city.facts() == before
        eventually(following.reached, what="what came back")
        assert following.rebuilt() == city.database.checksum()
