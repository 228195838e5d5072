"""A store put back from a backup gets back from its topic what it lost, and every consumer goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import psycopg
import pytest

from services.chassis.bus.epochs import GivenUp
from services.chassis.envelope import Envelope
from services.chassis.event_store import Append, Appended, NewEvent
from services.chassis.flow import FlowFinding, bring_back
from services.chassis.leases import Lease, RelayPlace
from services.chassis.truth import AuditReport, verify
from services.chassis.truth.torn import Torn
from services.chassis.upkeep import recovering
from services.chassis.upkeep.continuation import NotRecoverable
from services.chassis.upkeep.unproved import Choice
from tests.flow_city import DAY, NAME, RELAY, FlowCity, flow_city
from tests.integration.test_flow import Facts, codes, only
from tests.sample_service import CounterAdded, CounterOpened
from tests.servers import Kafka, Postgres


@pytest.fixture
def city(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> Iterator[FlowCity]:
    """Backed up after 20 commands; 20 more were relayed, applied and signed since."""
    with flow_city(postgres, kafka, tmp_path) as made:
        made.settle(20)
        made.sign()
        made.heads.step()
        made.back_up()
        made.settle(20)
        made.sign()
        made.heads.step()
        yield made


def plain(city: FlowCity) -> list[Envelope]:
    """The store's events, whatever its epoch."""
    return [msgspec.structs.replace(envelope, epoch=0) for envelope in city.store.scan()]


def test_all_that_was_on_the_topic_is_in_the_store_again(city: FlowCity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bring_back, "PAGE", 3)
    before = plain(city)
    city.put_back()
    kept = city.store.last_position()
    done = city.recover()
    assert plain(city) == before
    assert (done.kept, done.brought_back, done.given_up, done.missing) == (kept, len(before) - kept, 0, 0)
    assert done.epoch == city.store.info.epoch == 2
    assert done.torn is None
    report = verify(city.store, city.form.published, city.key.public_key())
    assert report.ok, report.findings
    assert codes(city.audit()) == {}


def test_relay_consumers_and_log_go_on_as_if_nothing_had_been(city: FlowCity) -> None:
    city.put_back()
    city.recover()
    assert RelayPlace(city.store.engine, RELAY).read() == (2, city.store.last_position(), None)
    city.settle(20)
    city.sign()
    city.heads.step()
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert all(view.behind == 0 for view in flow.views)
    report = city.verify()
    assert report.ok, report.findings
    assert [restore.epoch for restore in report.restores] == [2]
    assert city.heads_on_topic() == city.lines()


def test_a_command_that_was_brought_back_is_answered_as_before(city: FlowCity) -> None:
    last = list(city.store.scan())[-1]
    city.put_back()
    city.recover()
    again = Append(
        stream=last.stream,
        expected_version=0,
        command_id=last.command_id,
        command_hash=last.command_hash,
        events=(NewEvent(last.type, DAY, b"{}"),),
        recorded_at=1,
        actor="",
        correlation_id="",
        causation_id="",
    )
    outcome = city.store.append_now(again)
    assert isinstance(outcome, Appended)
    assert outcome.repeated
    assert outcome.record.last_version == last.version


def test_what_never_reached_the_topic_is_told_as_missing(city: FlowCity) -> None:
    relayed = city.store.last_position()
    city.live(4)
    lost = city.store.last_position() - relayed
    city.sign()
    city.put_back()
    done = city.recover()
    assert done.missing == lost
    assert city.store.last_position() == relayed
    city.settle(5)
    flow = only(city.audit())
    assert flow.ok, flow.findings


LONG = tuple(CounterAdded(occurred_on=DAY, amount=amount) for amount in (1, 2, 3))
"""The facts of one command."""


def relay_some(city: FlowCity, *numbers: int) -> list[Envelope]:
    """One command with three facts, of which only these reach the topic; all of them."""
    city.record("counter-0", *LONG)
    facts = city.facts()[-3:]
    for number in numbers:
        city.publisher.send(*facts[number])
    city.publisher.flush()
    return [envelope for envelope, _ in facts]


def notices(city: FlowCity) -> list[FlowFinding]:
    return [notice for notice in only(city.audit()).notices if notice.code == "TORN"]


@pytest.mark.parametrize("signed", [True, False])
def test_a_command_of_which_the_topic_may_have_a_part_is_named(city: FlowCity, signed: bool) -> None:
    facts = relay_some(city, 0, 1)
    if signed:
        city.sign()
    city.put_back()
    done = city.recover(unproved=Choice.ACCEPT)
    assert done.missing == int(signed)
    assert done.torn == Torn(facts[0].command_id, facts[1].id, facts[1].position, proved=False)
    assert city.store.last_position() == facts[1].position
    city.publisher.go_back(NAME, city.facts())
    city.settle(5)
    assert codes(city.audit()) == {}
    (told,) = notices(city)
    assert f"of the command {facts[0].command_id} the last event that came back is {facts[1].id}" in told.english
    assert "record what is missing by a new command" in told.english


def test_a_command_is_whole_where_a_signed_head_ends_with_it(city: FlowCity) -> None:
    relay_some(city, 0, 1, 2)
    city.sign()
    city.live(3)
    city.sign()
    city.put_back()
    done = city.recover()
    assert done.missing > 0
    assert done.torn is None
    assert notices(city) == []


def test_a_command_with_a_gap_in_it_is_torn_for_certain(city: FlowCity) -> None:
    facts = relay_some(city, 0, 2)
    city.put_back()
    with pytest.raises(NotRecoverable, match=f"lacks the event at position {facts[1].position}, 1 stand behind"):
        city.recover()
    done = city.recover(give_up=True, unproved=Choice.ACCEPT)
    assert done.torn == Torn(facts[0].command_id, facts[0].id, facts[0].position, proved=True)
    (told,) = notices(city)
    assert "events of it behind that are lost" in told.english


def audited(city: FlowCity) -> AuditReport:
    """From the store, once the topic alone was found to be right."""
    city.publisher.go_back(NAME, city.facts())
    city.settle(5)
    city.sign()
    city.heads.step()
    report = city.verify()
    assert report.ok, report.findings
    return verify(city.store, city.form.published, city.key.public_key())


@pytest.mark.parametrize(("sent", "give_up"), [((0, 1), False), ((0, 2), True)])
def test_a_torn_command_is_no_finding_of_either_audit(city: FlowCity, sent: tuple[int, ...], give_up: bool) -> None:
    relay_some(city, *sent)
    city.put_back()
    done = city.recover(give_up=give_up, unproved=Choice.ACCEPT)
    report = audited(city)
    assert report.ok, report.findings
    assert report.torn == (done.torn,)


@pytest.mark.parametrize(("pattern", "by"), [('"proved":false', '"proved":true }'), ("/[0-9]+", "/99"), ("^.*$", "{}")])
def test_a_mark_that_was_altered_is_a_finding(city: FlowCity, pattern: str, by: str) -> None:
    relay_some(city, 0, 1)
    city.put_back()
    city.recover(unproved=Choice.ACCEPT)
    city.sql(f"UPDATE {NAME}.store SET value = regexp_replace(value, %s, %s) WHERE key LIKE 'torn.%%'", pattern, by)
    report = audited(city)
    assert (report.torn, report.counts) == ((), {"STORE_INFO": 1})


def test_a_mark_outlives_a_recovery_that_is_cut_short(city: FlowCity, monkeypatch: pytest.MonkeyPatch) -> None:
    relay_some(city, 0)
    city.put_back()
    with monkeypatch.context() as patched:
        patched.setattr(recovering, "_open_log", _no_room)
        with pytest.raises(OSError, match="no room"):
            city.recover(unproved=Choice.ACCEPT)
    city.recover()
    assert len(notices(city)) == 1


def test_a_service_at_work_is_not_recovered(city: FlowCity) -> None:
    city.put_back()
    lease = Lease(city.store.engine, RELAY, "somebody:1")
    lease.acquire()
    before = city.store.last_position()
    with pytest.raises(NotRecoverable, match="somebody:1 holds the lease relay"):
        city.recover()
    assert city.store.last_position() == before
    assert city.store.info.epoch == 1


def test_a_process_without_a_lease_is_seen_by_its_connections(city: FlowCity) -> None:
    city.put_back()
    name = f"bizenv elsewhere:7 {NAME}"
    with (
        psycopg.connect(city.superuser, application_name=name),
        pytest.raises(NotRecoverable, match="elsewhere:7 are connected"),
    ):
        city.recover()
    with psycopg.connect(city.url, application_name="bizenv elsewhere:7 other"):
        city.recover()


def test_a_holder_from_before_moves_nothing_after_it(city: FlowCity) -> None:
    old = Lease(city.store.engine, RELAY, "old:1", seconds=0.001)
    old.acquire()
    held = old.owner_epoch
    assert held is not None
    city.put_back()
    city.recover()
    place = RelayPlace(city.store.engine, RELAY)
    new = Lease(city.store.engine, RELAY, "new:1")
    assert new.acquire() is not None
    assert new.owner_epoch is not None
    assert place.take(new.owner_epoch) is not None
    assert place.move(1, 1, held) is False


def test_a_gap_is_refused_and_given_up_only_when_asked_for(city: FlowCity) -> None:
    """Whoever had applied what is given up stops; a replay leaves it out."""
    total, lost = city.store.last_position(), city.store.last_position() - 5
    city.remake_topic(lambda facts: [fact for fact in facts if fact[0].position != lost])
    city.put_back()
    kept = city.store.last_position()
    with pytest.raises(NotRecoverable, match=f"lacks the event at position {lost}, 5 stand behind it"):
        city.recover()
    assert (city.store.last_position(), city.store.info.epoch) == (kept, 1)
    done = city.recover(give_up=True, unproved=Choice.ACCEPT)
    assert (done.brought_back, done.given_up, done.missing) == (lost - 1 - kept, 5, total - lost + 1)
    city.publisher.go_back(NAME, city.facts())
    for stream in range(20, 40):
        city.record(f"counter-{stream}", CounterOpened(occurred_on=DAY, unit="130602"))
    city.relay()
    with pytest.raises(GivenUp):
        city.project()
    with city.rebuilt() as (rebuilt, beginnings):
        assert beginnings[NAME][2] == lost
        assert len(rebuilt.facts("counter_facts")) == city.store.last_position()
    flow = only(city.audit())
    assert {finding.code for finding in flow.findings} <= {"VIEW_DIFFERENT", "VIEW_AHEAD", "CHECKPOINT"}, flow.findings
    assert flow.topic is not None
    assert flow.topic.given_up == 5


def _no_room(*_: object) -> None:
    raise OSError("no room")


def altered(facts: Facts) -> Facts:
    envelope, previous = facts[4]
    return [*facts[:4], (msgspec.structs.replace(envelope, actor="somebody"), previous), *facts[5:]]


def test_a_topic_that_differs_from_what_the_store_kept_is_refused(city: FlowCity) -> None:
    city.remake_topic(altered)
    city.put_back()
    before = plain(city)
    with pytest.raises(NotRecoverable, match="the event at position 5 is not the same in store and topic"):
        city.recover()
    assert plain(city) == before
    assert city.store.info.epoch == 1


def test_a_lost_event_that_was_altered_on_the_topic_is_refused(city: FlowCity) -> None:
    last = city.store.last_position()

    def alter(facts: Facts) -> Facts:
        envelope, previous = facts[last - 2]
        return [*facts[: last - 2], (msgspec.structs.replace(envelope, actor="x"), previous), *facts[last - 1 :]]

    city.remake_topic(alter)
    city.put_back()
    with pytest.raises(NotRecoverable, match="don't give the root of the signed head"):
        city.recover()


def test_topics_of_another_city_are_refused(city: FlowCity) -> None:
    city.sql("UPDATE saved.store SET value = 'other' WHERE key = 'store_id'")
    (city.form.published / f"{NAME}.heads.jsonl").unlink()
    city.put_back()
    with pytest.raises(NotRecoverable, match="another city"):
        city.recover()


def test_another_citys_events_among_ours_are_not_brought_back(city: FlowCity) -> None:
    """They stand on the same topic, at positions that the store has lost."""
    before = plain(city)
    for added in (0, 1):
        foreign = msgspec.structs.replace(before[-1], epoch=1, position=len(before) + added, store_id="another-city")
        city.publisher.send(foreign, before[-2].position)
    city.publisher.flush()
    city.put_back()
    city.recover()
    assert plain(city) == before


def test_a_recovery_cut_short_before_the_log_goes_on_in_the_same_epoch(
    city: FlowCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.put_back()
    with monkeypatch.context() as patched:
        patched.setattr(recovering, "_open_log", _no_room)
        with pytest.raises(OSError, match="no room"):
            city.recover()
    done = city.recover()
    assert (done.epoch, done.brought_back) == (2, 0)
    city.settle(5)
    city.sign()
    assert codes(city.audit()) == {}


def test_a_published_folder_that_was_put_back_too_gets_its_heads_from_the_topic(city: FlowCity) -> None:
    lines = city.lines()
    (city.form.published / f"{NAME}.heads.jsonl").write_bytes(b"".join(lines[:2]))
    city.put_back()
    city.recover()
    assert city.lines()[: len(lines)] == lines
    assert city.heads.step() == 1
