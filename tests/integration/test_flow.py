"""The audit of the flow, on real servers: a clean city is clean, under load too, and every harm is found and named."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from services.chassis.envelope import Envelope
from services.chassis.flow import FlowReport, ServiceFlow
from services.chassis.flow.report import ReactionFlow
from tests.flow_city import NAME, VIEWS, FlowCity, flow_city
from tests.servers import Kafka, Postgres

Facts = list[tuple[Envelope, int]]


@pytest.fixture
def city(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> Iterator[FlowCity]:
    with flow_city(postgres, kafka, tmp_path) as made:
        yield made


def only(report: FlowReport) -> ServiceFlow:
    (flow,) = report.services
    return flow


def codes(report: FlowReport) -> dict[str, int]:
    return only(report).counts


def test_a_clean_city_is_clean(city: FlowCity) -> None:
    city.settle(60)
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert flow.topic is not None
    stored = city.store.last_position()
    assert (flow.stored, flow.topic.relayed, flow.topic.present, flow.topic.records) == (stored,) * 4
    assert {view.view for view in flow.views} == {"counters", "counter_facts"}
    assert all(view.equal and view.applied == stored and view.behind == 0 for view in flow.views)


def test_what_was_not_relayed_and_not_applied_yet_is_behind_and_not_lost(city: FlowCity) -> None:
    city.settle(30)
    before = city.store.last_position()
    city.live(30)
    behind = city.store.last_position() - before
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert flow.topic is not None
    assert (flow.topic.relayed, flow.topic.behind, flow.stored) == (before, behind, before + behind)
    assert {view.behind for view in flow.views} == {behind}


def test_a_topic_that_is_not_as_it_must_be_is_named(city: FlowCity) -> None:
    city.settle(5)
    city.form.flaw = "保留时间不对 · the topic has retention.ms = 1 where -1 is needed"
    flow = only(city.audit())
    assert flow.counts == {"TOPIC": 1}
    assert flow.findings[0].english == "the topic has retention.ms = 1 where -1 is needed"


def test_a_record_that_is_gone_is_lost_and_nothing_else_is(city: FlowCity) -> None:
    city.settle()
    city.remake_topic(lambda facts: facts[:10] + facts[11:])
    flow = only(city.audit())
    assert flow.counts == {"LOST": 1}
    assert flow.findings[0].position == 11


def test_a_record_that_was_altered_is_different(city: FlowCity) -> None:
    city.settle()

    def alter(facts: Facts) -> Facts:
        envelope, previous = facts[20]
        return [*facts[:20], (msgspec.structs.replace(envelope, actor="somebody"), previous), *facts[21:]]

    city.remake_topic(alter)
    flow = only(city.audit())
    assert flow.counts == {"DIFFERENT": 1}
    assert flow.findings[0].position == 21


def test_an_attribute_beside_the_columns_that_was_altered_is_different(city: FlowCity) -> None:
    city.settle()
    envelope, previous = city.facts()[3]
    city.publisher.send(envelope, previous, key=b"other")
    city.publisher.flush()
    assert codes(city.audit()) == {"DIFFERENT": 1}


def test_records_sent_again_are_counted_and_no_finding(city: FlowCity) -> None:
    """As a relay does that begins again at its checkpoint: one send failed while those behind it arrived."""
    city.settle()
    city.remake_topic(lambda facts: [*facts[:10], *facts[11:20], *facts[10:], *facts[30:]])
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert flow.topic is not None
    total = city.store.last_position()
    assert flow.topic.repeats == 9 + total - 30
    assert flow.topic.records == total + flow.topic.repeats
    assert flow.topic.early > 0


def test_a_record_sent_again_with_other_content_is_different(city: FlowCity) -> None:
    city.settle()
    envelope, previous = city.facts()[7]
    city.publisher.send(msgspec.structs.replace(envelope, data=b'{"amount":1000}'), previous)
    city.publisher.flush()
    assert codes(city.audit()) == {"DIFFERENT": 1}


def test_an_event_that_stands_at_a_second_position_is_doubled(city: FlowCity) -> None:
    city.settle()
    envelope, last = city.facts()[-1][0], city.store.last_position()
    city.publisher.send(msgspec.structs.replace(envelope, position=last + 1), envelope.position)
    city.publisher.flush()
    flow = only(city.audit())
    assert flow.counts == {"DOUBLED": 1}
    assert f"at position {last}" in flow.findings[0].english


def test_a_record_that_names_another_previous_position_is_different(city: FlowCity) -> None:
    city.settle()
    city.remake_topic(lambda facts: [*facts[:-1], (facts[-1][0], 0)])
    assert codes(city.audit()) == {"DIFFERENT": 1}


def test_records_out_of_order_are_named(city: FlowCity) -> None:
    city.settle()

    def swap(facts: Facts) -> Facts:
        first = next(n for n, (envelope, _) in enumerate(facts) if envelope.version == 3)
        partition = facts[first][0].partition
        second = next(n for n in range(first + 1, len(facts)) if facts[n][0].partition == partition)
        facts[first], facts[second] = facts[second], facts[first]
        return facts

    city.remake_topic(swap)
    flow = only(city.audit())
    assert set(flow.counts) == {"REORDERED"}
    assert "offset" in flow.findings[0].place


def test_foreign_records_are_told_and_nothing_is_wrong(city: FlowCity) -> None:
    city.settle()
    city.publisher.put(NAME, 2, value=b"hello", key=b"x", headers=[("content-type", b"text/plain")])
    city.publisher.put(NAME, 1, value=None, key=b"x")
    flow = only(city.audit())
    assert flow.ok
    assert flow.topic is not None
    assert flow.topic.foreign == 2
    assert {notice.code for notice in flow.notices} == {"FOREIGN"}
    assert any(notice.place.startswith("partition 2 offset ") for notice in flow.notices)


@pytest.mark.parametrize(
    ("changes", "reason"), [({"epoch": 2}, "the store is in epoch 1"), ({"position": 10**19}, "can't follow")]
)
def test_a_record_that_no_store_can_have_sent_is_told_and_hides_nothing(
    city: FlowCity, changes: dict[str, int], reason: str
) -> None:
    city.settle()
    last, _ = city.facts()[-1]
    city.publisher.send(msgspec.structs.replace(last, **{"position": last.position + 1, **changes}), last.position)
    city.publisher.flush()
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert [notice.code for notice in flow.notices] == ["FOREIGN"]
    assert reason in flow.notices[0].english


def test_a_row_altered_in_the_store_differs_from_topic_and_views(city: FlowCity) -> None:
    city.settle()
    city.sql(f"UPDATE {NAME}.events SET actor = 'somebody' WHERE position = 5")
    assert codes(city.audit()) == {"DIFFERENT": 1, "VIEW_DIFFERENT": 1}


def test_a_row_taken_out_of_the_store_is_a_gap_and_unknown(city: FlowCity) -> None:
    city.settle()
    city.sql(f"DELETE FROM {NAME}.events WHERE position = 5")
    found = codes(city.audit())
    assert found["UNKNOWN_TO_STORE"] == 1
    assert found["STORE"] >= 1
    assert "LOST" not in found


def test_a_store_put_back_from_a_backup_points_to_recover(city: FlowCity) -> None:
    city.settle()
    last = city.store.last_position()
    city.sql(f"DELETE FROM {NAME}.events WHERE position > %s", last - 6)
    flow = only(city.audit())
    assert flow.counts["UNKNOWN_TO_STORE"] == 6
    assert any("bizenv recover" in finding.english for finding in flow.findings)
    assert any(finding.code == "VIEW_AHEAD" for finding in flow.findings)


def test_a_view_that_was_altered_is_named(city: FlowCity) -> None:
    city.settle()
    city.sql(f"UPDATE {VIEWS}.counters SET row = %s WHERE key = '1'", b'{"unit":"130602","total":999}')
    flow = only(city.audit())
    assert flow.counts == {"VIEW_DIFFERENT": 1}
    assert [view.view for view in flow.views if not view.equal] == ["counters"]
    city.sql(f"DELETE FROM {VIEWS}.counter_facts WHERE position = 4")
    assert codes(city.audit()) == {"VIEW_DIFFERENT": 2}


def test_parked_streams_are_told_and_the_rest_is_compared(city: FlowCity) -> None:
    city.live(20)
    renamed = next(envelope for envelope, _ in city.facts() if envelope.type.endswith("renamed.v1"))
    city.faults.titles.add(msgspec.json.decode(renamed.data)["title"])
    city.relay()
    city.project()
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert [notice.place for notice in flow.notices if notice.code == "PARKED"] == [f"stream {renamed.stream}"]


def test_the_verdict_is_sound_under_load(city: FlowCity) -> None:
    """Commands, relay and projection go on while the audit reads."""
    city.settle(20)
    stop = threading.Event()
    errors: list[Exception] = []

    def load() -> None:
        try:
            with_consumer = city.consumer()
            while not stop.is_set():
                city.live(5)
                city.relay()
                with_consumer.drain()
            with_consumer.stop()
        except Exception as error:  # noqa: BLE001 - the test says so
            errors.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        seen = [only(city.audit()) for _ in range(6)]
    finally:
        stop.set()
        thread.join()
    assert not errors
    assert [flow.findings for flow in seen] == [()] * 6
    assert seen[-1].stored > seen[0].stored


@pytest.mark.parametrize("consumer", ["views", "reactions"])
def test_a_checkpoint_that_is_no_event_of_its_partition_is_named(city: FlowCity, consumer: str) -> None:
    city.settle(40)
    with closing(city.form.reactions(NAME)) as reactions, reactions.engine.begin() as connection:
        reactions.checkpoints.put(connection, city.database.read_checkpoints())
    clean = only(city.audit())
    assert clean.ok
    assert clean.reactions == ReactionFlow(behind=0, parked=0)
    second = next(event.position for event in city.store.scan() if event.partition == 1)
    schema = VIEWS if consumer == "views" else f"{NAME}_reactions"
    city.sql(f"UPDATE {schema}.checkpoints SET position = {second} WHERE partition = 0")
    found = only(city.audit())
    assert found.counts["CHECKPOINT"] == 1
    told = next(each for each in found.findings if each.code == "CHECKPOINT")
    assert (told.place, told.position) == (f"{consumer} {NAME}/0", second)
    assert "run bizenv rebuild" in told.english
    if consumer == "reactions":
        assert found.reactions is not None
        assert found.reactions.behind == sum(
            event.partition == 0 and event.position > second for event in city.store.scan()
        )
        city.sql(f"UPDATE {schema}.checkpoints SET position = 1000000 WHERE partition = 0")
        assert codes(city.audit()) == {"VIEW_AHEAD": 1}
