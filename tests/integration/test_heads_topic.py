"""Signed heads on Kafka, and the audit that needs nothing but the topics and the public key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.heads import HeadPublisher
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import RelayPlace
from services.chassis.truth import AuditReport
from services.chassis.truth.heads import parse_line
from tests.flow_city import NAME, RELAY, FlowCity, flow_city
from tests.integration.test_flow import Facts
from tests.servers import Kafka, Postgres
from tests.waiting import eventually


@pytest.fixture
def city(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> Iterator[FlowCity]:
    """Heads of 20, 40 and 60 commands, all relayed and published; some events beyond."""
    with flow_city(postgres, kafka, tmp_path) as made:
        for _ in range(3):
            made.live(20)
            made.relay()
            made.sign()
        made.live(3)
        made.relay()
        assert made.heads.step() == len(made.lines())
        yield made


def codes(report: AuditReport) -> set[str]:
    return set(report.counts)


def test_each_head_is_published_once_and_as_it_is_in_the_file(city: FlowCity) -> None:
    assert city.heads_on_topic() == city.lines()
    assert city.heads.step() == 0
    city.reopen()
    assert city.heads.step() == 0, "the topic says where to go on"
    city.live(5)
    city.sign()
    assert city.heads.step() == 0, "its events are not on the topic yet"
    city.relay()
    assert city.heads.step() == 1
    assert city.heads_on_topic() == city.lines()


def test_a_topic_of_heads_that_was_deleted_is_filled_again(city: FlowCity) -> None:
    with city.kafka.admin() as admin:
        admin.delete_topics([city.topics.heads_name(NAME)])
    eventually(lambda: city.publisher.cluster.look(city.topics.heads_name(NAME)) is None)
    city.reopen()
    assert city.heads.step() == len(city.lines())
    assert city.heads_on_topic() == city.lines()


def test_a_heads_file_that_was_replaced_is_not_published_behind_another(city: FlowCity) -> None:
    file = city.form.published / f"{NAME}.heads.jsonl"
    file.write_bytes(b"".join(city.lines()[:2]))
    city.reopen()
    assert city.heads.step() == 0
    assert city.heads.trouble is not None
    assert "was the folder replaced" in city.heads.trouble


def test_heads_are_not_published_behind_those_of_another_city(city: FlowCity) -> None:
    head = parse_line(city.lines()[-1])
    assert head is not None
    city.publisher.put_heads(NAME, msgspec.structs.replace(head, store_id="another-city").line())
    city.reopen()
    assert city.heads.step() == 0
    assert "holds what another city recorded (store id another-city" in str(city.heads.trouble)


def test_the_topics_alone_prove_that_nothing_was_altered(city: FlowCity) -> None:
    report = city.verify()
    assert report.ok, report.findings
    assert report.covered > 0
    assert report.not_yet_covered == city.store.last_position() - report.covered > 0
    assert report.published == len(city.lines())


def test_heads_that_were_sent_again_are_no_finding(city: FlowCity) -> None:
    for line in city.lines()[-2:]:
        city.publisher.put_heads(NAME, line)
    assert city.verify().ok


def altered(facts: Facts) -> Facts:
    envelope, previous = facts[10]
    return [*facts[:10], (msgspec.structs.replace(envelope, actor="somebody"), previous), *facts[11:]]


def swapped(facts: Facts) -> Facts:
    first = next(n for n, (envelope, _) in enumerate(facts) if envelope.version == 3)
    partition = facts[first][0].partition
    second = next(n for n in range(first + 1, len(facts)) if facts[n][0].partition == partition)
    facts[first], facts[second] = facts[second], facts[first]
    return facts


HARM: dict[str, tuple[Callable[[Facts], Facts], set[str]]] = {
    "removed": (lambda facts: facts[:10] + facts[11:], {"EVENT_MISSING"}),
    "cut off": (lambda facts: facts[:20], {"EVENT_MISSING"}),
    "altered": (altered, {"HEAD_ROOT"}),
    "altered and sent again": (lambda facts: [*facts, altered(facts)[10]], {"EVENT_ALTERED"}),
    "out of order": (swapped, {"EVENT_OUT_OF_ORDER"}),
    "inserted": (
        lambda facts: [
            *facts[:10],
            (msgspec.structs.replace(facts[9][0], position=11, version=99), facts[9][0].position),
            *facts[10:],
        ],
        {"HEAD_ROOT", "EVENT_ALTERED", "EVENT_OUT_OF_ORDER"},
    ),
}


def test_every_harm_to_the_topic_is_found(city: FlowCity) -> None:
    for harm, (how, found) in HARM.items():
        city.remake_topic(how)
        report = city.verify()
        assert codes(report) & found, (harm, report.findings)
        assert codes(report) <= found, (harm, report.findings)


def test_a_record_of_an_epoch_that_no_head_knows_hides_no_event(city: FlowCity) -> None:
    """Taken for the newest epoch's, it would give up all that stands behind it."""

    def forged(facts: Facts) -> Facts:
        envelope, previous = facts[10]
        return [*facts[:10], (msgspec.structs.replace(envelope, epoch=9), previous), *facts[10:]]

    city.remake_topic(forged)
    report = city.verify()
    assert report.ok, report.findings


def test_a_head_that_was_forged_is_found(city: FlowCity) -> None:
    last = msgspec.json.decode(city.lines()[-1])
    city.publisher.put_heads(NAME, msgspec.json.encode({**last, "size": 999}) + b"\n")
    assert codes(city.verify()) == {"PUBLISHED_ALTERED"}


def test_a_head_that_skips_one_breaks_the_chain(city: FlowCity) -> None:
    city.live(5)
    city.relay()
    city.sign()
    city.live(5)
    city.relay()
    city.sign()
    city.publisher.put_heads(NAME, city.lines()[-1])
    assert codes(city.verify()) == {"PUBLISHED_CHAIN"}


def test_a_publisher_that_can_not_reach_the_brokers_waits_and_says_so(city: FlowCity) -> None:
    nowhere = Cluster(KafkaAccess(servers=("127.0.0.1:1",)))
    place = RelayPlace(city.store.engine, RELAY)
    publisher = HeadPublisher(city.store, city.form.published, place, nowhere, TopicShape())
    assert publisher.step() == 0
    assert publisher.trouble is not None
    assert "127.0.0.1:1" in publisher.trouble
    publisher.close()
