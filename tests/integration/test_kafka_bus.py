"""What the bus on Kafka does beyond the port's contract: groups, foreign records, topics that are not as they were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.chassis.bus.port import Delivery, Source, Subscription
from services.chassis.envelope import Envelope, partition_of
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.feed.cloudevents import STRUCTURED, to_binary, to_structured
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.newest_epochs import NewestEpochs
from services.chassis.kafka.reader import _Handover
from services.chassis.kafka.subscription import KafkaSubscription
from services.chassis.kafka.topics import TopicShape, ensure_topic
from services.chassis.telemetry.metrics import METRICS
from tests.followers import Follower, record
from tests.kafka_topics import Publisher, access_to, own_prefix
from tests.servers import Kafka
from tests.stores import make_store
from tests.waiting import eventually

SERVICE = ["sample"]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        yield made


@pytest.fixture
def publisher(kafka: Kafka, store: EventStore) -> Iterator[Publisher]:
    with closing(Publisher(kafka)) as made:
        made.publish(store)
        yield made


def assigned(subscription: Subscription, after: int = 0) -> None:
    """Poll until there is an assignment later than this one."""
    eventually(lambda: subscription.assignment > after or subscription.poll(0.05, 10) is None)


def from_beginning(subscription: Subscription) -> None:
    for source in subscription.progress():
        subscription.seek(source, 0)


def take(subscription: Subscription, count: int) -> list[Delivery]:
    found: list[Delivery] = []

    def enough() -> bool:
        found.extend(subscription.poll(0.05, 100))
        return len(found) >= count

    eventually(enough, what=f"{count} deliveries")
    return found


def test_nothing_comes_before_it_was_said_from_where(store: EventStore, publisher: Publisher) -> None:
    record(store, 20)
    publisher.publish(store)
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assert (subscription.assignment, dict(subscription.progress())) == (0, {})
        assigned(subscription)
        sources = sorted(subscription.progress())
        assert sources == [("sample", number) for number in range(8)]
        assert subscription.poll(0.2, 10) == []
        subscription.seek(sources[0], 0)
        mine = [event for event in store.scan() if event.partition == 0]
        assert [delivery.envelope for delivery in take(subscription, len(mine))] == mine
        assert subscription.poll(0.2, 10) == []
        assert subscription.lag() == {"sample": 20 - len(mine)}


def test_members_share_the_sources_and_one_that_leaves_hands_over_at_once(
    store: EventStore, publisher: Publisher
) -> None:
    first = publisher.bus.subscribe("group", SERVICE)
    second = publisher.bus.subscribe("group", SERVICE)
    with closing(first), closing(second):
        assigned(first)
        before = first.assignment
        turns(lambda: len(first.progress()) == len(second.progress()) == 4, first, second)
        assert first.assignment > before
        shared: set[Source] = {*first.progress(), *second.progress()}
        assert len(shared) == 8
        first.close()
        begun = time.monotonic()
        eventually(lambda: second.poll(0.05, 10) == [] and len(second.progress()) == 8)
        assert time.monotonic() - begun < 8  # a member that says nothing is missed after 10 s
        from_beginning(second)
        record(store, 10)
        publisher.publish(store)
        assert len(take(second, 10)) == 10


def test_what_no_member_holds_is_told_with_what_waits_there(store: EventStore, publisher: Publisher) -> None:
    group = publisher.cluster.group_of("group", None)
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assert len(subscription.unheld()) == 8, "nobody has joined yet"
        assigned(subscription)
        eventually(lambda: subscription.poll(0.05, 10) == [] and not subscription.unheld())
        subscription.close()
        record(store, 10)
        publisher.publish(store)
        eventually(lambda: members(publisher, group) == 0)
        assert sum(subscription.unheld().values()) == 10
    alone = publisher.bus.subscribe("group", SERVICE, shared=False)
    assert alone.unheld() == {}


def test_cities_with_one_prefix_have_groups_of_their_own_and_one_reads(
    store: EventStore, publisher: Publisher, tmp_path: Path
) -> None:
    """The topics are the one's; the other joins no group, and takes nothing from it."""
    record(store, 30)
    publisher.publish(store)
    ours, theirs = (KafkaBus(publisher.cluster, city) for city in (store.info.store_id, "another-city"))
    with closing(theirs.subscribe("facts", SERVICE)) as other:
        assert "holds what another city recorded" in refusal(other, "another city")
        with closing(Follower(tmp_path / "facts.sqlite", ours, SERVICE)) as follower:
            follower.start().wait_for(store)
            assert len(follower.consumer.subscription.progress()) == 8
            groups = {publisher.cluster.group_of("facts", city) for city in (store.info.store_id, "another-city")}
            assert len(groups) == 2
            assert members(publisher, publisher.cluster.group_of("facts", "another-city")) == 0


def turns(condition: Callable[[], bool], *subscriptions: Subscription) -> None:
    """Let each poll on a thread of its own until the condition holds."""
    ended = threading.Event()

    def poll(subscription: Subscription) -> None:
        while not ended.is_set():
            subscription.poll(0.05, 10)

    with ThreadPoolExecutor(len(subscriptions)) as threads:
        for subscription in subscriptions:
            threads.submit(poll, subscription)
        try:
            eventually(condition)
        finally:
            ended.set()


def test_foreign_and_malformed_records_are_skipped_counted_and_told_once(
    store: EventStore, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record(store, 10, streams=1)
    event = next(iter(store.scan()))
    headers, value = to_binary(event, 0)
    other = [(name, b"/bizenv/other" if name == "ce_source" else text) for name, text in headers]
    backwards = [(name, b"1" if name == "ce_previous" else text) for name, text in headers]
    nameless = [(name, text) for name, text in headers if name != "ce_actor"]
    foreign: list[dict[str, Any]] = [
        {"value": b"hello"},
        {"key": b"k", "value": None},
        {"value": b"\xff", "headers": [("content-type", b"application/cloudevents+json")]},
        {"value": b"[]", "headers": [("content-type", b"application/cloudevents-batch+json")]},
        {"value": value, "headers": other},
        {"value": value, "headers": backwards},
        {"value": value, "headers": nameless},
    ]
    for each in foreign:
        publisher.put("sample", event.partition, **each)
    publisher.put("sample", (event.partition + 1) % 8, value=value, headers=headers)
    publisher.publish(store)
    before = METRICS.bus_foreign.labels("sample")._value.get()
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        follower.start().wait_for(store)
    with closing(Follower(tmp_path / "again.sqlite", publisher.bus, SERVICE, "again")) as follower:
        follower.start().wait_for(store)
        eventually(lambda: follower.consumer.subscription.lag() == {"sample": 0})
    assert METRICS.bus_foreign.labels("sample")._value.get() == before + 8
    assert capsys.readouterr().out.count("foreign record skipped") == 8


def test_another_citys_events_are_skipped_and_told_whatever_their_positions(
    store: EventStore, publisher: Publisher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that stand before ours at our positions, behind them, and in the structured mode."""
    with closing(make_store(tmp_path / "other.sqlite", store_id="another-city")) as other:
        record(other, 12, text="other")
        theirs = list(other.scan())
    headers = [("content-type", STRUCTURED.encode())]
    for event in theirs[:8]:
        publisher.send(event, 0)
    publisher.put("sample", theirs[8].partition, value=to_structured(theirs[8], 0), headers=headers)
    record(store, 10)
    publisher.publish(store)
    for event in theirs[9:]:
        publisher.send(event, theirs[8].position)
    publisher.flush()
    bus = KafkaBus(publisher.cluster, store.info.store_id)
    with closing(Follower(tmp_path / "facts.sqlite", bus, SERVICE)) as follower:
        follower.start().wait_for(store)
        eventually(lambda: follower.consumer.subscription.lag() == {"sample": 0})
        follower.wait_for(store)
        assert follower.actors() == {"city_group:wang"}
    assert capsys.readouterr().out.count("recorded by another city's store, another-city") == 12
    beginnings = bus.beginnings(SERVICE)
    assert beginnings == {"sample": {1: 1}}


IMPOSSIBLE: dict[str, dict[str, Any]] = {
    "a position of twenty digits": {"position": 10**19},
    "a position that is the last of all": {"position": 2**63},
    "an epoch beyond its column": {"epoch": 2**31},
    "a version beyond its column": {"version": 2**31},
    "a stream of another partition": {"stream": "counter-elsewhere"},
    "a NUL in a name": {"actor": "clerk:\0"},
    "an epoch that the store has not begun": {"epoch": 2},
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_what_no_store_can_have_recorded_stops_nobody(
    case: str, store: EventStore, publisher: Publisher, tmp_path: Path
) -> None:
    """It names the newest event as the one before it, so that nothing but its own content keeps it from being next."""
    record(store, 10, streams=1)
    publisher.publish(store)
    *_, last = store.scan()
    partition_apart = partition_of("counter-elsewhere", store.info.partitions) != last.partition
    assert partition_apart, "the case is none"
    changed = msgspec.structs.replace(last, **{"position": 1000, **IMPOSSIBLE[case]})
    publisher.send(changed, last.position, partition=last.partition)
    publisher.flush()
    before = METRICS.bus_foreign.labels("sample")._value.get()
    info, epochs = store.info, NewestEpochs(lambda _: store.info.epoch)
    bus = KafkaBus(publisher.cluster, info.store_id, 0.0, info.partitions, epochs)
    with closing(Follower(tmp_path / "facts.sqlite", bus, SERVICE)) as follower:
        follower.start().wait_for(store)
        eventually(lambda: METRICS.bus_foreign.labels("sample")._value.get() == before + 1)
        record(store, 5, streams=1)
        publisher.publish(store)
        follower.wait_for(store)
        assert not follower.intake.has_holes
    assert bus.beginnings(SERVICE) == {"sample": {1: 1}}


def test_an_event_in_structured_mode_is_read(store: EventStore, publisher: Publisher, tmp_path: Path) -> None:
    record(store, 1)
    event = next(iter(store.scan()))
    headers = [("content-type", STRUCTURED.encode())]
    publisher.put("sample", event.partition, value=to_structured(event, 0), headers=headers)
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        follower.start().wait_for(store)


def test_behind_an_event_that_never_came_nothing_of_its_partition_is_applied(
    store: EventStore, publisher: Publisher, tmp_path: Path
) -> None:
    record(store, 6, streams=2)
    events = list(store.scan())
    missing = events[2]
    last: dict[int, int] = {}
    for event in events:
        if event is not missing:
            publisher.send(event, last.get(event.partition, 0))
        last[event.partition] = event.position
    publisher.flush()
    apart = [event.position for event in events if event.partition != missing.partition or event is events[0]]
    before = METRICS.consumer_holes.labels("facts")._value.get()
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        follower.start()
        eventually(lambda: follower.positions("sample") == apart)
        eventually(lambda: follower.intake.has_holes)
        assert METRICS.consumer_holes.labels("facts")._value.get() > before
        sent_again(publisher, events[2:], {event.partition: event.position for event in events[:2]})
        follower.wait_for(store)


def test_a_member_that_lost_its_partitions_waits_without_a_word(store: EventStore, publisher: Publisher) -> None:
    """As one whose process stood still for longer than the group waits for it: they come again, here or elsewhere."""
    record(store, 3)
    publisher.publish(store)
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assigned(subscription)
        from_beginning(subscription)
        take(subscription, 3)
        assert isinstance(subscription, KafkaSubscription)
        reader = subscription._reader
        assert reader is not None
        reader._client._subscription.assign_from_subscribed([])  # as the library leaves it
        _Handover(reader).on_partitions_lost([])
        subscription._next_quiet = 0.0
        assert subscription.poll(0.3, 10) == []
        assert subscription._next_quiet > 0, "it has looked"


def sent_again(publisher: Publisher, events: list[Envelope], last: dict[int, int]) -> None:
    """As a relay does that begins again at its checkpoint."""
    for event in events:
        publisher.send(event, last.get(event.partition, 0))
        last[event.partition] = event.position
    publisher.flush()


def test_an_offset_that_is_not_there_begins_the_source_anew(store: EventStore, publisher: Publisher) -> None:
    record(store, 5, streams=1)
    publisher.publish(store)
    partition = next(iter(store.scan())).partition
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assigned(subscription)
        subscription.seek(("sample", partition), 1000)
        assert [delivery.envelope for delivery in take(subscription, 5)] == list(store.scan())


def test_a_topic_made_anew_is_told_and_read_from_its_beginning(store: EventStore, publisher: Publisher) -> None:
    record(store, 5, streams=1)
    publisher.publish(store)
    partition = next(iter(store.scan())).partition
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assigned(subscription)
        from_beginning(subscription)
        take(subscription, 5)
        cluster, topic = publisher.cluster, publisher.cluster.topic_of("sample")
        cluster.ask(lambda admin: admin.delete_topics([topic]))
        assert refusal(subscription, "is not there").startswith("主题")
        eventually(lambda: made(cluster))
        publisher.put("sample", partition, value=b"late")
        assert "made anew" in refusal(subscription, "made anew")
        assigned(subscription, subscription.assignment)
        subscription.seek(("sample", partition), 1)
        for event in store.scan():
            publisher.send(event, event.position - 1)
        publisher.flush()
        assert [delivery.envelope for delivery in take(subscription, 5)] == list(store.scan())


def test_a_topic_made_anew_while_its_reader_was_away_is_read_whole(
    store: EventStore, publisher: Publisher, tmp_path: Path
) -> None:
    """In the former one everything stood twice, so the offset that was kept leads past what was never read."""
    record(store, 10, streams=1)
    events = list(store.scan())
    for event in [*events, *events]:
        publisher.send(event, event.position - 1)
    publisher.flush()
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        follower.start().wait_for(store)
        eventually(lambda: follower.consumer.subscription.lag() == {"sample": 0})
        record(store, 1, streams=1)
        publisher.send(list(store.scan())[-1], 10)
        publisher.flush()
        follower.wait_for(store)
    cluster = publisher.cluster
    cluster.ask(lambda admin: admin.delete_topics([cluster.topic_of("sample")]))
    eventually(lambda: made(cluster))
    record(store, 19, streams=1)
    sent_again(publisher, list(store.scan()), {})
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        follower.start().wait_for(store)


def made(cluster: Cluster) -> bool:
    """Make the topic, which the brokers refuse while they are still deleting the former one."""
    try:
        ensure_topic(cluster, "sample", 8, TopicShape(), 0)
    except Unavailable:
        return False
    return True


def refusal(subscription: Subscription, words: str) -> str:
    """What polls raise, once it is about this."""
    told: list[str] = []

    def refused() -> bool:
        try:
            subscription.poll(0.05, 10)
        except Unavailable as error:
            told.append(str(error))
        return bool(told) and words in told[-1]

    eventually(refused)
    return told[-1]


def test_a_subscription_from_before_the_topic_waits_and_says_so(kafka: Kafka, store: EventStore) -> None:
    record(store, 3)
    with closing(Publisher(kafka)) as publisher, closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assert "is not there (yet)" in refusal(subscription, "not there")
        publisher.publish(store)
        eventually(lambda: quietly(subscription) and subscription.assignment)
        from_beginning(subscription)
        assert len(take(subscription, 3)) == 3


def test_a_consumer_has_caught_up_only_when_it_has_read_all(
    store: EventStore, publisher: Publisher, tmp_path: Path
) -> None:
    record(store, 30)
    publisher.publish(store)
    with closing(Follower(tmp_path / "facts.sqlite", publisher.bus, SERVICE)) as follower:
        assert not follower.consumer.has_caught_up()
        while not follower.consumer.has_caught_up():
            follower.consumer.turn(0.05)
        follower.wait_for(store)


def quietly(subscription: Subscription) -> bool:
    """Poll; whether the bus could."""
    try:
        return subscription.poll(0.05, 10) == []
    except Unavailable:
        return False


def test_a_bus_that_nobody_serves_is_told_by_polls_and_measures() -> None:
    with closing(Cluster(KafkaAccess(servers=("127.0.0.1:1",)))) as cluster:
        subscription = KafkaBus(cluster, None).subscribe("group", SERVICE)
        for ask in (subscription.lag, subscription.size, lambda: subscription.poll(0.1, 1)):
            with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1.*Connection refused"):
                ask()
        subscription.close()
        assert subscription.poll(0.1, 1) == []


def test_closing_ends_a_waiting_poll_and_leaves_the_group(publisher: Publisher) -> None:
    subscription = publisher.bus.subscribe("group", SERVICE)
    assigned(subscription)
    from_beginning(subscription)
    with ThreadPoolExecutor(1) as poller:
        waiting = poller.submit(subscription.poll, 60.0, 10)
        subscription.close()
        assert waiting.result(10) == []
    subscription.close()
    subscription.seek(("sample", 0), 0)
    assert subscription.poll(1.0, 10) == []
    group = publisher.cluster.group_of("group", None)
    eventually(lambda: members(publisher, group) == 0)


def members(publisher: Publisher, group: str) -> int:
    described = publisher.cluster.ask(lambda admin: admin.describe_groups([group]))
    return len(described[group]["members"])


def test_what_was_committed_is_seen_by_the_tools_that_watch(store: EventStore, publisher: Publisher) -> None:
    record(store, 10)
    publisher.publish(store)
    with closing(publisher.bus.subscribe("group", SERVICE)) as subscription:
        assigned(subscription)
        from_beginning(subscription)
        take(subscription, 10)
        progress = dict(subscription.progress())
        subscription.commit(progress)

        def told() -> dict[int, int]:
            subscription.poll(0.05, 10)
            group = publisher.cluster.group_of("group", None)
            found = publisher.cluster.ask(lambda admin: admin.list_group_offsets(group))
            return {place.partition: at.offset for place, at in found[group].items()}

        eventually(lambda: told() == {number: offset for (_, number), offset in progress.items()})


def test_events_gather_until_somebody_wants_them(kafka: Kafka, store: EventStore) -> None:
    with closing(Publisher(kafka)) as publisher, ThreadPoolExecutor(1) as poller:
        publisher.publish(store)
        bus = KafkaBus(publisher.cluster, None, gather_seconds=60.0)
        with closing(bus.subscribe("group", SERVICE)) as subscription:
            assigned(subscription)
            from_beginning(subscription)
            record(store, 1)
            publisher.publish(store)
            assert len(subscription.poll(60.0, 10)) == 1
            gathering = poller.submit(subscription.poll, 60.0, 10)
            record(store, 2, streams=1)
            publisher.publish(store)
            subscription.wake()
            assert len(gathering.result(20)) == 2


def test_a_consumer_that_is_behind_waits_for_no_more_to_gather(kafka: Kafka, store: EventStore) -> None:
    with closing(Publisher(kafka)) as publisher, ThreadPoolExecutor(1) as poller:
        record(store, 5, streams=1)
        publisher.publish(store)
        bus = KafkaBus(publisher.cluster, None, gather_seconds=60.0)
        with closing(bus.subscribe("group", SERVICE)) as subscription:
            assigned(subscription)
            from_beginning(subscription)
            assert len(subscription.poll(60.0, 10)) == 5
            record(store, 1)
            publisher.publish(store)
            assert len(poller.submit(subscription.poll, 60.0, 10).result(20)) == 1


REFUSED = {
    "retention.ms": ("604800000", "retention.ms = 604800000 where -1 is needed"),
    "cleanup.policy": ("compact", "cleanup.policy = compact where delete is needed"),
    "max.message.bytes": ("1000", "max.message.bytes = 1000 where ≥ 4194304 is needed"),
    "message.timestamp.type": ("LogAppendTime", "message.timestamp.type = LogAppendTime where CreateTime"),
}


@pytest.fixture
def cluster(kafka: Kafka) -> Iterator[Cluster]:
    with closing(Cluster(access_to(kafka), own_prefix())) as made:
        yield made


@pytest.mark.parametrize("name", REFUSED)
def test_a_topic_with_other_settings_is_refused_and_left_as_it_is(cluster: Cluster, name: str) -> None:
    value, told = REFUSED[name]
    settings = {**TopicShape().settings(), name: value}
    topic = cluster.topic_of("sample")
    wanted = {topic: {"num_partitions": 8, "replication_factor": 1, "configs": settings}}
    cluster.ask(lambda admin: admin.create_topics(wanted, wait_for_metadata=True))
    with pytest.raises(Unavailable, match="nothing was changed") as refused:
        ensure_topic(cluster, "sample", 8, TopicShape(), 0)
    assert told in str(refused.value)
    assert cluster.settings_of(topic)[name] == value


def test_other_partitions_and_fewer_replicas_are_refused(cluster: Cluster) -> None:
    ensure_topic(cluster, "sample", 8, TopicShape(), 0)
    ensure_topic(cluster, "sample", 8, TopicShape(), 0)
    with pytest.raises(Unavailable, match="partitions = 8 where 4 is needed"):
        ensure_topic(cluster, "sample", 4, TopicShape(), 0)
    with pytest.raises(Unavailable, match="replication = 1 where ≥ 3 is needed"):
        ensure_topic(cluster, "sample", 8, TopicShape(replication=3), 0)


def test_a_topic_that_lacks_what_was_relayed_is_not_made_again(cluster: Cluster) -> None:
    with pytest.raises(Unavailable, match="lacks some of the 7 events"):
        ensure_topic(cluster, "sample", 8, TopicShape(), 7)
    assert cluster.look(cluster.topic_of("sample")) is None
    ensure_topic(cluster, "sample", 8, TopicShape(), 0)
    with pytest.raises(Unavailable, match="bizenv relay restart"):
        ensure_topic(cluster, "sample", 8, TopicShape(), 7)


def test_more_replicas_than_brokers_are_refused_in_the_brokers_words(cluster: Cluster) -> None:
    with pytest.raises(Unavailable, match="InvalidReplicationFactor"):
        ensure_topic(cluster, "sample", 8, TopicShape(replication=3), 0)
