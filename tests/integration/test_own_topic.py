"""A relay goes on in a topic only where it is its own store's, and the store has what stands there."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import asdict

from deploy.processes import free_port
from services.chassis.errors import Unavailable
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.bus import KafkaBus
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.own_topic import TopicEnds, WentBack, stop_what_went_back
from services.chassis.kafka.topics import ensure
from services.chassis.truth.heads import Head, Identity
from tests.followers import Follower, record
from tests.kafka_topics import Publisher
from tests.relays import Line, place_of, records_on, relayed, running
from tests.servers import Kafka
from tests.stores import append_to, make_store, open_store, store_info
from tests.waiting import eventually


def lived(path: Path, line: Line, count: int) -> None:
    """A store of so many events, all of them relayed."""
    with closing(make_store(path)) as store, running(line.relay(store)):
        record(store, count)
        eventually(lambda: relayed(store))


def test_a_topic_that_another_city_has_filled_is_left_alone(line: Line, tmp_path: Path) -> None:
    """The database was made anew, or two cities have one prefix."""
    lived(tmp_path / "first.sqlite", line, 20)
    with closing(make_store(tmp_path / "second.sqlite", store_id="second-city")) as store:
        bus = KafkaBus(line.cluster, store.info.store_id)
        with closing(Follower(tmp_path / "facts.sqlite", bus, ["sample"])) as follower:
            follower.start()
            record(store, 10, text="second")
            with running(line.relay(store)) as relay:
                eventually(lambda: relay.trouble is not None)
                assert "holds what another city recorded" in str(relay.trouble)
                assert "BIZENV_KAFKA_TOPIC_PREFIX" in str(relay.trouble)
                assert not relay.begun
            eventually(lambda: "another city" in str(follower.consumer.waits_for))
            assert follower.consumer.subscription.assignment == 0, "it joins no group"
            assert follower.actors() == set()
        assert store.trouble is None, "its facts are well, and commands are recorded"
        assert append_to(store, "s-1").record.position == 11
    assert records_on(line) == 20


def test_topics_without_records_are_everybodys(line: Line, tmp_path: Path) -> None:
    ends = TopicEnds(line.cluster)
    ends.require_city("sample", "any-city")
    ensure(line.cluster, line.cluster.heads_topic_of("sample"), 1, line.shape)
    ends.require_city("sample", "any-city")
    lived(tmp_path / "first.sqlite", line, 3)
    with closing(open_store(tmp_path / "first.sqlite")) as store:
        ends.require_city("sample", store.info.store_id)
        ends.require_own(store)
    with pytest.raises(Unavailable, match="holds what another city recorded"):
        ends.require_city("sample", "any-city")


def test_heads_of_another_city_are_told_where_there_is_no_event(line: Line, kafka: Kafka) -> None:
    identity = asdict(Identity.of(store_info("sample", store_id="first-city")))
    zeros = "0" * 64
    head = Head(**identity, epoch=1, size=0, position=0, root=zeros, previous=zeros, signed_at=1, key_id="k")
    ensure(line.cluster, line.cluster.heads_topic_of("sample"), 1, line.shape)
    with closing(Publisher(kafka)) as publisher:
        publisher.cluster = line.cluster
        publisher.put_heads("sample", head.line())
    TopicEnds(line.cluster).require_city("sample", "first-city")
    with pytest.raises(Unavailable, match=r"sample\.heads holds what another city recorded"):
        TopicEnds(line.cluster).require_city("sample", "second-city")


@pytest.mark.parametrize("used_again", [0, 5, 10, 15])
def test_a_store_that_went_back_records_and_relays_no_more(line: Line, tmp_path: Path, used_again: int) -> None:
    """Its checkpoint went back with it, so only the topic tells; also where the positions were used again."""
    path, backup = tmp_path / "sample.sqlite", tmp_path / "backup.sqlite"
    lived(path, line, 30)
    shutil.copy(path, backup)
    with closing(open_store(path)) as store, running(line.relay(store)):
        record(store, 10)
        eventually(lambda: relayed(store))
    with closing(open_store(backup)) as store:
        record(store, used_again, text="other")
        with running(line.relay(store)):
            eventually(lambda: store.trouble is not None)
        assert "run bizenv recover" in str(store.trouble)
        with pytest.raises(Unavailable, match="run bizenv recover"):
            append_to(store, "s-1")
        assert place_of(store) == 30
    assert records_on(line) == 40


def test_a_store_that_went_back_is_stopped_before_it_records_anything(line: Line, tmp_path: Path) -> None:
    path, backup = tmp_path / "sample.sqlite", tmp_path / "backup.sqlite"
    lived(path, line, 3)
    shutil.copy(path, backup)
    with closing(open_store(path)) as store:
        with running(line.relay(store)):
            record(store, 1)
            eventually(lambda: relayed(store))
        stop_what_went_back(line.cluster, [store])
        assert store.trouble is None
    with closing(open_store(backup)) as store, closing(make_store(tmp_path / "new.sqlite", "new")) as new:
        stop_what_went_back(line.cluster, [new, store])
        with pytest.raises(Unavailable, match="run bizenv recover"):
            append_to(store, "s-1")
        assert new.trouble is None


def test_a_store_whose_topic_cannot_be_judged_leaves_no_other_one_unjudged(line: Line, tmp_path: Path) -> None:
    """Its topic is another city's; the next store has gone back."""
    path, backup = tmp_path / "sample.sqlite", tmp_path / "backup.sqlite"
    lived(path, line, 3)
    shutil.copy(path, backup)
    with closing(open_store(path)) as store, running(line.relay(store)):
        record(store, 1)
        eventually(lambda: relayed(store))
    with (
        closing(make_store(tmp_path / "other.sqlite", store_id="other-city")) as other,
        closing(open_store(backup)) as store,
    ):
        stop_what_went_back(line.cluster, [other, store])
        assert other.trouble is None
        assert "run bizenv recover" in str(store.trouble)


def test_a_store_is_opened_although_the_brokers_are_away(tmp_path: Path) -> None:
    with closing(make_store(tmp_path / "new.sqlite")) as store:
        access = KafkaAccess(servers=(f"127.0.0.1:{free_port()}",))
        with closing(Cluster(access)) as nowhere:
            stop_what_went_back(nowhere, [store])
        assert append_to(store, "s-1").record.position == 1


def test_records_behind_the_newest_event_that_are_none_hide_nothing(line: Line, kafka: Kafka, tmp_path: Path) -> None:
    path, backup = tmp_path / "sample.sqlite", tmp_path / "backup.sqlite"
    lived(path, line, 3)
    shutil.copy(path, backup)
    with closing(open_store(path)) as store, running(line.relay(store)):
        record(store, 5)
        eventually(lambda: relayed(store))
        again = next(iter(store.scan()))
    with closing(Publisher(kafka)) as publisher:
        publisher.cluster = line.cluster
        publisher.put("sample", again.partition, value=b"none of ours")
        publisher.send(again, 0)
        publisher.flush()
    with closing(open_store(backup)) as store, pytest.raises(WentBack, match="run bizenv recover"):
        TopicEnds(line.cluster).require_own(store)
