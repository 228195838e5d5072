"""The relay on a real broker: whatever fails or comes late, every fact is applied once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaTimeoutError

from deploy.processes import free_port
from services.chassis.bus.epochs import GivenUp
from services.chassis.envelope import LARGEST_EVENT_BYTES, LARGEST_RECORD_BYTES, Envelope
from services.chassis.event_store import Append, EventStore, NewEvent, SqliteDialect
from services.chassis.event_store.store_info import begin_epoch
from services.chassis.feed.cloudevents_reading import read_message
from services.chassis.feed.event_bounds import LONGEST_STREAM
from services.chassis.kafka.connection import open_client
from services.chassis.kafka.course import Acknowledgement
from services.chassis.kafka.refill import refill
from services.chassis.kafka.sender import Sender
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import RelayPlace
from services.chassis.telemetry.metrics import METRICS
from tests.followers import REGISTRY, Follower, record
from tests.integration.truth_city import STORE, City
from tests.kafka_topics import access_to
from tests.relays import Line, place_of, records_on, relayed, running
from tests.sample_service import CounterAdded, new_id
from tests.servers import Kafka
from tests.stores import RECORDED_AT, make_store, open_store
from tests.waiting import eventually


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        yield made


@pytest.fixture
def follower(tmp_path: Path, line: Line) -> Iterator[Follower]:
    with closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as made:
        yield made.start()


def records_of(line: Line, store: EventStore) -> list[tuple[int, int]]:
    """Partition and position of each record on the topic, in the order of each partition."""
    with closing(open_client(KafkaConsumer, line.access, group_id=None)) as reader:
        places = [TopicPartition(line.topic_of(store), each) for each in range(store.info.partitions)]
        reader.assign(places)
        reader.seek_to_beginning(*places)
        found: list[tuple[int, int]] = []

        def read() -> bool:
            for place, records in reader.poll(100).items():
                found.extend((place.partition, read_message(each.headers, each.value)[0].position) for each in records)
            return len(found) == records_on(line)

        eventually(read)
    return found


def test_what_is_recorded_before_and_after_comes_through_once(
    store: EventStore, line: Line, follower: Follower
) -> None:
    record(store, 300)
    with running(line.relay(store)) as relay:
        follower.wait_for(store)
        record(store, 50)
        follower.wait_for(store)
        eventually(lambda: relayed(store))
        assert relay.trouble is None
        assert METRICS.registry.get_sample_value("bizenv_relay_lag_records", {"service": "sample"}) == 0
    assert records_on(line) == 350


def test_a_relay_goes_on_where_the_former_stopped(store: EventStore, line: Line, follower: Follower) -> None:
    for _ in range(3):
        record(store, 40)
        with running(line.relay(store)):
            eventually(lambda: relayed(store))
    follower.wait_for(store)
    assert records_on(line) == 120


def test_another_leads_as_soon_as_the_leader_stops(store: EventStore, line: Line, follower: Follower) -> None:
    first, second = line.relay(store, "one", lease_seconds=60), line.relay(store, "two", lease_seconds=60)
    with running(second):
        with running(first):
            record(store, 30)
            eventually(lambda: relayed(store))
            assert first.leads != second.leads
        record(store, 30)
        eventually(lambda: second.leads or first.leads)
        second.leadership._ask_at = 0.0  # else it asks for the lease each 6 s
        follower.wait_for(store)
    assert records_on(line) == 60


class Expiring:
    """A sender of which one send expires while those after it land, as the library's do: the first of a partition that
    is not the first of its page."""

    def __init__(self, sender: Sender, spoilt: list[str]) -> None:
        self._sender = sender
        self._spoilt = spoilt
        self._sent = 0

    def send(self, envelope: Envelope, previous: int) -> Acknowledgement:
        self._sent += 1
        if self._sent == 5 and len(self._spoilt) < 3:
            self._spoilt.append(envelope.id)
            return Expired()
        found: Acknowledgement = self._sender.send(envelope, previous)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


class Expired:
    is_done = True
    exception: BaseException | None = KafkaTimeoutError("Expiring 1 record(s)")

    def get(self, timeout: float) -> object:
        raise KafkaTimeoutError("Expiring 1 record(s)")


def test_a_send_that_expires_while_later_ones_land_loses_nothing(
    either_store: EventStore, line: Line, follower: Follower
) -> None:
    store, spoilt = either_store, list[str]()
    before = METRICS.relay_restarts.labels("sample")._value.get()
    record(store, 200, streams=4)
    with running(line.relay(store, wrap=lambda sender: Expiring(sender, spoilt))):
        follower.wait_for(store)
    assert len(spoilt) == 3
    assert METRICS.relay_restarts.labels("sample")._value.get() == before + 3
    assert records_on(line) > 200


class Late:
    """A sender of which one send expires, and lands all the same: when its successor has sent so many others."""

    def __init__(self, sender: Sender, held: list[tuple[Envelope, int]], after: int) -> None:
        self._sender = sender
        self._held = held
        self._after = after
        self._sent = 0

    def send(self, envelope: Envelope, previous: int) -> Acknowledgement:
        self._sent += 1
        if self._sent == 5 and not self._held:
            self._held.append((envelope, previous))
            self._after = 0
            return Expired()
        found: Acknowledgement = self._sender.send(envelope, previous)
        if self._held and self._sent == self._after:
            self._sender.send(*self._held[0]).get(10)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


@pytest.mark.parametrize("after", [1, 60])
def test_an_expired_send_that_lands_after_the_restart_is_applied_once(
    either_store: EventStore, line: Line, follower: Follower, after: int
) -> None:
    """Before its successor's own copy of it, and behind others of its partition that came after it."""
    store, held = either_store, list[tuple[Envelope, int]]()
    record(store, 100, streams=4)
    with running(line.relay(store, wrap=lambda sender: Late(sender, held, after))):
        follower.wait_for(store)
        record(store, 30, streams=4)
        follower.wait_for(store)
        eventually(lambda: relayed(store))
    ((late, _),) = held
    read = [number for partition, number in records_of(line, store) if partition == late.partition]
    assert read.count(late.position) >= 2
    assert records_on(line) > 131


class Failing:
    """A sender of which the first sends never arrive and the next fails in a way that nobody foresaw."""

    def __init__(self, sender: Sender, left: list[int]) -> None:
        self._sender = sender
        self._left = left

    def send(self, envelope: Envelope, previous: int) -> Acknowledgement:
        if self._left:
            if self._left.pop() == 0:
                raise TypeError("the library's own")
            return Expired()
        found: Acknowledgement = self._sender.send(envelope, previous)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


def test_a_failure_that_nobody_foresaw_loses_nothing(store: EventStore, line: Line, follower: Follower) -> None:
    """What of a page was sent before it is not known to have arrived, so it comes again."""
    record(store, 20)
    relay = line.relay(store, wrap=lambda sender: Failing(sender, left))
    left = [0, 1, 2, 3, 4]

    def steps() -> None:
        while relay.step() == 0:
            pass

    with pytest.raises(TypeError, match="the library's own"):
        steps()
    with running(relay):
        follower.wait_for(store)
        eventually(lambda: relayed(store))


def test_a_zombie_that_sends_late_is_dropped(either_store: EventStore, line: Line, follower: Follower) -> None:
    """It stood still with a page in its hands while another took over and went on."""
    store = either_store
    record(store, 100)
    zombie = line.relay(store, "zombie", lease_seconds=0.3)
    zombie.step()
    assert zombie.leads
    held = zombie._course
    assert held is not None
    with running(line.relay(store, "next", lease_seconds=30)) as successor:
        eventually(lambda: successor.leads)
        record(store, 100)
        follower.wait_for(store)
        held.send_page()
        zombie.leadership._renew_at = zombie._topic._look_at = float("inf")  # it has not looked at its lease again
        eventually(lambda: zombie.step() == 0 and zombie._course is None)
        eventually(lambda: relayed(store))
        record(store, 20)
        follower.wait_for(store)
        eventually(lambda: relayed(store))
        eventually(lambda: zombie.step() == 0 and not zombie.leads)
    zombie.stop()
    assert records_on(line) > 220


class Silent:
    """A sender whose connection stands and brings no answer."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def send(self, _envelope: Envelope, _previous: int) -> Acknowledgement:
        return Unanswered()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sender, name)


class Unanswered:
    is_done = False
    exception: BaseException | None = None

    def get(self, timeout: float) -> object:
        raise KafkaTimeoutError(f"no answer within {timeout} s")


def away(kafka: Kafka, line: Line) -> Line:
    """The same topics by an address at which nobody is."""
    nowhere = msgspec.structs.replace(access_to(kafka), servers=(f"127.0.0.1:{free_port()}",))
    return Line(kafka, access=nowhere, prefix=line.cluster._prefix)


def test_one_to_which_kafka_alone_is_away_lets_another_send(
    store: EventStore, kafka: Kafka, line: Line, follower: Follower
) -> None:
    with closing(away(kafka, line)) as nowhere:
        cut_off = nowhere.relay(store, "cut off", patience_seconds=0.5)
        with running(cut_off):
            record(store, 40)
            eventually(lambda: cut_off.leads and cut_off.trouble)
            with running(line.relay(store, "healthy")) as healthy:
                follower.wait_for(store)
                assert healthy.leads
                eventually(lambda: cut_off.trouble is None, what="it sees that another one leads")
                record(store, 10)
                follower.wait_for(store)
                assert not cut_off.leads


def test_one_whose_sends_are_not_answered_lets_another_send(store: EventStore, line: Line, follower: Follower) -> None:
    silent = line.relay(store, "silent", wrap=Silent, patience_seconds=0.5)
    with running(silent):
        record(store, 40)
        eventually(lambda: silent.leads)
        with running(line.relay(store, "healthy")):
            follower.wait_for(store)
    assert records_on(line) == 40


def test_one_that_has_nothing_to_send_keeps_its_lease(store: EventStore, kafka: Kafka, line: Line) -> None:
    """Nobody needs it meanwhile, and lease after lease would help no one while Kafka is away to all."""
    with closing(away(kafka, line)) as nowhere:
        relay = nowhere.relay(store, patience_seconds=0.0)
        eventually(lambda: relay.step() == 0 and relay.trouble)
        first = relay.leadership.owner_epoch
        eventually(lambda: relay.step() == 0 and relay._pause > 0.1, what="it has tried again")
        assert relay.leadership.owner_epoch == first
        record(store, 1)
        eventually(lambda: relay.step() == 0 and not relay.leads, what="now it hands over")
        assert relay.trouble, "it says so until it knows who leads"
        eventually(lambda: relay.step() == 0 and relay.leads, what="alone it leads again")
        relay.stop()


def test_an_operator_sets_the_checkpoint_back_and_everything_comes_again(
    store: EventStore, line: Line, follower: Follower
) -> None:
    record(store, 60)
    with running(line.relay(store)):
        follower.wait_for(store)
        eventually(lambda: relayed(store))
        refill(store.engine, "sample")
        eventually(lambda: records_on(line) == 120)
        record(store, 5)
        follower.wait_for(store)


def test_in_a_new_epoch_it_goes_on_behind_what_is_kept(line: Line, follower: Follower, tmp_path: Path) -> None:
    """The checkpoint, put back with the store, lies before what had been sent: that comes again, in the new epoch."""
    path = tmp_path / "sample.sqlite"
    with closing(make_store(path)) as store:
        record(store, 30)
        with running(line.relay(store)):
            follower.wait_for(store)
            eventually(lambda: relayed(store))
        refill(store.engine, "sample", 20)
    begin_epoch(SqliteDialect(path, durable=False), 2)
    with closing(open_store(path)) as store, running(line.relay(store)):
        record(store, 10)
        eventually(lambda: relayed(store))
        assert RelayPlace(store.engine, "sample").read().epoch == 2
        with closing(Follower(tmp_path / "again.sqlite", line.bus, ["sample"], "again")) as again:
            again.intake.beginnings = line.bus.beginnings(["sample"])
            assert again.intake.beginnings == {"sample": {1: 1, 2: 21}}
            again.start().wait_for(store)


def test_what_was_kept_comes_again_in_its_own_epoch_and_nobody_is_asked_for_a_rebuild(
    line: Line, follower: Follower, tmp_path: Path
) -> None:
    """Most partitions are quiet: those who follow them have seen nothing of the new epoch when all comes again."""
    city = City(tmp_path)
    with closing(city.make()) as store:
        record(store, 60)
        sign(city, store)
        with running(line.relay(store)):
            follower.wait_for(store)
            eventually(lambda: relayed(store))
    begin_epoch(city.database.dialect(), 2)
    open_epoch(city)
    with closing(city.open()) as store, running(line.relay(store)):
        record(store, 3, streams=1)
        follower.wait_for(store)
        eventually(lambda: relayed(store))
        refill(store.engine, "sample")
        eventually(lambda: records_on(line) == 126)
        record(store, 40)
        follower.wait_for(store)
        assert line.bus.beginnings(["sample"]) == {"sample": {1: 1, 2: 61}}


def test_what_was_given_up_asks_for_a_rebuild(line: Line, follower: Follower, tmp_path: Path) -> None:
    city = City(tmp_path)
    with closing(city.make()) as store:
        record(store, 20)
        sign(city, store)
        backup = shutil.copy(city.folder / STORE, tmp_path / "backup")
        record(store, 40)
        with running(line.relay(store)):
            follower.wait_for(store)
            eventually(lambda: relayed(store))
    shutil.copy(backup, city.folder / STORE)
    begin_epoch(city.database.dialect(), 2)
    open_epoch(city)
    with closing(city.open()) as store, running(line.relay(store)):
        refill(store.engine, "sample")
        record(store, 20)
        eventually(lambda: follower.consumer.failure, what="it stops")
        assert isinstance(follower.consumer.failure, GivenUp)


def sign(city: City, store: EventStore) -> None:
    with closing(city.log(store)) as log:
        assert log.start()
        log.step()
        log.sign()


def open_epoch(city: City) -> None:
    with closing(city.open()) as store, closing(city.log(store)) as log:
        log.open_epoch()


def test_a_deleted_topic_is_told_and_filled_again_when_asked(store: EventStore, line: Line, follower: Follower) -> None:
    record(store, 50)
    with running(line.relay(store, lease_seconds=1.0)) as relay:
        follower.wait_for(store)
        eventually(lambda: relayed(store))
        line.cluster.ask(lambda admin: admin.delete_topics([line.topic_of(store)]))
        eventually(lambda: "bizenv relay restart" in str(relay.trouble), 20)
        record(store, 5)
        assert place_of(store) == 50
        refill(store.engine, "sample")
        eventually(lambda: relayed(store), 30)
        follower.wait_for(store, 40)
        assert relay.trouble is None


def test_an_event_larger_than_the_topic_takes_is_named_and_nothing_skipped(
    store: EventStore, kafka: Kafka, tmp_path: Path
) -> None:
    with closing(Line(kafka, TopicShape(largest_record_bytes=4000))) as line:
        record(store, 10)
        record(store, 1, text="x" * 5000)
        record(store, 10)
        with running(line.relay(store)) as relay:
            eventually(lambda: relay.trouble)
            assert relay.trouble is not None
            assert "counter-sample0/2" in relay.trouble
            assert "4000" in relay.trouble
            eventually(lambda: place_of(store) == 10)
        assert records_on(line) == 10
        larger = Line(kafka, TopicShape(largest_record_bytes=4000), prefix=line.cluster._prefix)
        with closing(larger), closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower:
            set_largest(larger, store, 50_000)
            larger.shape = TopicShape(largest_record_bytes=50_000)
            with running(larger.relay(store)):
                follower.start().wait_for(store)


def test_the_largest_event_that_can_be_recorded_comes_through(
    store: EventStore, line: Line, follower: Follower
) -> None:
    """With the longest names around it that a record may bear."""
    event = CounterAdded(occurred_on=date(2017, 3, 1), amount=1)
    stream, name = "counter-" + "a" * (LONGEST_STREAM - 8), "王" * 400
    append = Append(
        stream=stream,
        expected_version=0,
        command_id=new_id(),
        command_hash=b"x" * 32,
        events=(NewEvent(event.type, event.occurred_on, REGISTRY.encode(event).ljust(LARGEST_EVENT_BYTES)),),
        recorded_at=RECORDED_AT,
        actor=name,
        correlation_id=name,
        causation_id=name,
    )
    store.append_now(append)
    with running(line.relay(store)) as relay:
        eventually(lambda: relayed(store))
        assert relay.trouble is None
        follower.wait_for(store)


def set_largest(line: Line, store: EventStore, size: int) -> None:
    alter(line, store, "max.message.bytes", str(size))


def alter(line: Line, store: EventStore, setting: str, value: str) -> None:
    resource = ConfigResource(ConfigResourceType.TOPIC, line.topic_of(store), {setting: value})
    line.cluster.ask(lambda admin: admin.alter_configs([resource]))


@pytest.mark.parametrize(
    ("setting", "value", "back"),
    [("retention.ms", "86400000", "-1"), ("max.message.bytes", "1000000", str(LARGEST_RECORD_BYTES))],
)
def test_a_setting_that_is_altered_while_it_relays_is_told_until_it_is_as_before(
    store: EventStore, line: Line, setting: str, value: str, back: str
) -> None:
    with running(line.relay(store)) as relay:
        record(store, 3)
        eventually(lambda: relayed(store))
        alter(line, store, setting, value)
        eventually(lambda: f"has {setting} = {value} where" in str(relay.trouble))
        record(store, 3)
        alter(line, store, setting, back)
        eventually(lambda: relayed(store) and relay.trouble is None)


def test_a_partition_that_is_added_while_it_relays_is_told(store: EventStore, line: Line) -> None:
    with running(line.relay(store)) as relay:
        record(store, 3)
        eventually(lambda: relayed(store))
        line.cluster.ask(lambda admin: admin.create_partitions({line.topic_of(store): 9}))
        eventually(lambda: "partitions = 9 where 8 is needed; nothing was changed" in str(relay.trouble))


def test_a_topic_with_other_settings_is_refused(store: EventStore, line: Line) -> None:
    made = {"num_partitions": 3, "replication_factor": 1}
    line.cluster.ask(lambda admin: admin.create_topics({line.topic_of(store): made}, wait_for_metadata=True))
    record(store, 3)
    with running(line.relay(store)) as relay:
        eventually(lambda: relay.trouble)
        assert relay.trouble is not None
        assert "partitions = 3 where 8 is needed" in relay.trouble
    assert records_on(line) == 0


def test_records_bear_what_other_systems_need(store: EventStore, line: Line) -> None:
    record(store, 3, streams=1)
    with running(line.relay(store)):
        eventually(lambda: relayed(store))
    topic, event = line.topic_of(store), next(iter(store.scan()))
    reader = open_client(KafkaConsumer, line.access, group_id=None)
    with closing(reader):
        where = TopicPartition(topic, event.partition)
        reader.assign([where])
        reader.seek(where, 0)
        found: list[Any] = []

        def read() -> bool:
            found.extend(reader.poll(100).get(where, []))
            return len(found) == 3

        eventually(read)
    first = found[0]
    assert (first.key, first.value) == (event.stream.encode(), event.data)
    assert first.timestamp == int(event.recorded_at.timestamp() * 1000)
    assert dict(first.headers)["ce_id"] == event.id.encode()
    assert [dict(each.headers)["ce_previous"] for each in found] == [b"0", b"1", b"2"]
