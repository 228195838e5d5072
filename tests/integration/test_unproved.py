"""Events of a topic that no signed head proves come back only where a person says so, or are given up for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec
import pytest

from services.chassis.bus.epochs import GivenUp
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.event_store.beginnings import beginnings
from services.chassis.truth import verify
from services.chassis.upkeep import unproved
from services.chassis.upkeep.continuation import NotRecoverable
from services.chassis.upkeep.recovering import recover
from services.chassis.upkeep.unproved import Choice, Unproved
from tests.flow_city import DAY, NAME, RELAY, FlowCity, flow_city
from tests.integration.test_flow import codes, only
from tests.sample_service import CounterOpened
from tests.servers import Kafka, Postgres


@pytest.fixture
def city(postgres: Postgres, kafka: Kafka, tmp_path: Path) -> Iterator[FlowCity]:
    """Backed up after 20 commands; 20 more were relayed, applied and signed since."""
    with flow_city(postgres, kafka, tmp_path) as made:
        made.settle(20)
        made.sign()
        made.back_up()
        made.settle(20)
        made.sign()
        made.heads.step()
        yield made


def forge(city: FlowCity) -> Envelope:
    """A copy of the newest event as somebody else writes it behind that one: next in its stream and in all."""
    newest, _ = city.facts()[-1]
    forged = msgspec.structs.replace(
        newest, position=newest.position + 1, version=newest.version + 1, command_id=str(UUID(int=7))
    )
    city.publisher.send(forged, newest.position)
    city.publisher.flush()
    return forged


def asked(city: FlowCity, choice: Choice) -> list[Unproved]:
    """What a recovery asked about."""
    found: list[Unproved] = []

    def decide(about: Unproved) -> Choice:
        found.append(about)
        return choice

    city.heads.close()
    city.store.close()
    try:
        recover(lambda: city.form.store(NAME), city.topics, city.form.published, city.key, relay=RELAY, decide=decide)
    finally:
        city.reopen()
    return found


def state(store: EventStore) -> tuple[int, int]:
    return store.info.epoch, store.last_position()


@pytest.mark.parametrize("put_back", [False, True])
def test_what_no_head_proves_is_listed_and_refused(city: FlowCity, put_back: bool) -> None:
    forged, whole = forge(city), city.store.last_position()
    if put_back:
        city.put_back()
    before = state(city.store)
    with pytest.raises(NotRecoverable, match=f"1 events of {NAME} behind position {whole} .* --leave-unproved"):
        asked(city, Choice.REFUSE)
    assert state(city.store) == before
    (about,) = asked(city, Choice.LEAVE)
    assert (about.proved, about.count) == (whole, 1)
    assert [each.id for each in about.listed] == [forged.id]
    assert state(city.store) == (2, whole)


def test_what_was_taken_in_is_a_fact_like_others(city: FlowCity) -> None:
    forged = forge(city)
    city.put_back()
    assert city.recover(unproved=Choice.ACCEPT).brought_back > 1
    assert list(city.store.scan())[-1].id == forged.id
    assert verify(city.store, city.form.published, city.key.public_key()).ok
    assert codes(city.audit()) == {}


def test_what_was_left_is_given_up_at_once_and_asked_about_no_more(city: FlowCity) -> None:
    forged = forge(city)
    done = city.recover(unproved=Choice.LEAVE)
    assert (done.epoch, done.brought_back, done.given_up, done.missing, done.torn) == (2, 0, 1, 0, None)
    assert beginnings(city.store.engine) == {2: forged.position}
    flow = only(city.audit())
    assert flow.ok, flow.findings
    assert [notice.code for notice in flow.notices] == ["GIVEN_UP"]
    assert verify(city.store, city.form.published, city.key.public_key()).ok
    city.put_back()
    assert asked(city, Choice.REFUSE) == []
    assert city.store.last_position() == forged.position - 1


def test_views_that_have_applied_it_stop_and_are_built_anew_without_it(city: FlowCity) -> None:
    forge(city)
    city.project()
    city.recover(unproved=Choice.LEAVE)
    assert set(codes(city.audit())) <= {"VIEW_AHEAD", "VIEW_DIFFERENT"}
    city.publisher.go_back(NAME, city.facts())
    for number in range(20, 40):
        city.record(f"counter-{number}", CounterOpened(occurred_on=DAY, unit="130602"))
    city.relay()
    with pytest.raises(GivenUp):
        city.project()
    with city.rebuilt() as (rebuilt, _):
        assert len(rebuilt.facts("counter_facts")) == city.store.last_position()
    city.sign()
    city.heads.step()
    report = city.verify()
    assert report.ok, report.findings


def test_events_of_the_last_seconds_before_a_loss_are_asked_about(
    city: FlowCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unproved, "LISTED", 2)
    covered = city.store.last_position()
    city.live(5)
    city.relay()
    last = city.store.last_position()
    city.put_back()
    (about,) = asked(city, Choice.ACCEPT)
    assert (about.proved, about.count, len(about.listed)) == (covered, last - covered, 2)
    assert city.store.last_position() == last


def test_a_head_that_another_key_signed_proves_nothing(city: FlowCity) -> None:
    file = city.form.published / f"{NAME}.heads.jsonl"
    *lines, last = file.read_bytes().splitlines(keepends=True)
    head = msgspec.json.decode(last)
    head["signature"] = "00" * 64
    file.write_bytes(b"".join(lines) + msgspec.json.encode(head) + b"\n")
    city.put_back()
    with pytest.raises(NotRecoverable, match="not signed with our key"):
        city.recover()
