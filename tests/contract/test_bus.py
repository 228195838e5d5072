"""What every bus keeps towards a consumer, whatever carries the events."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from services.chassis.bus.port import Bus, Delivery, EmbeddedBus, Source, Subscription
from services.chassis.bus.read_ahead import ReadAhead
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from tests.kafka_topics import Publisher
from tests.servers import Kafka
from tests.stores import append_events, append_to, make_store, open_store
from tests.waiting import eventually

SERVICES = ("first", "second")


class Wiring(Protocol):
    """A bus that carries what two services record."""

    bus: Bus

    def append(self, service: str, count: int) -> None:
        """Record so many facts on some streams of the service, as its own process does."""
        ...

    def append_elsewhere(self, service: str, count: int) -> None:
        """The same from another process."""
        ...

    def recorded(self, service: str) -> list[Envelope]: ...

    def close(self) -> None: ...


class EmbeddedWiring:
    gather_seconds = 0.0

    def __init__(self, folder: Path) -> None:
        self._paths = {service: folder / f"{service}.sqlite" for service in SERVICES}
        self._stores = {service: make_store(path, service) for service, path in self._paths.items()}
        self.bus: Bus = EmbeddedBus(self._stores, self.gather_seconds)

    def append(self, service: str, count: int) -> None:
        append_events(self._stores[service], count, streams=9, stream=service)

    def append_elsewhere(self, service: str, count: int) -> None:
        with closing(open_store(self._paths[service], service)) as store:
            append_events(store, count, streams=9, stream=service)

    def recorded(self, service: str) -> list[Envelope]:
        return list(self._stores[service].scan())

    def close(self) -> None:
        for store in self._stores.values():
            store.close()


class GatheringWiring(EmbeddedWiring):
    """Events that come in a row are let gather for a moment."""

    gather_seconds = 0.02


class KafkaWiring(EmbeddedWiring):
    """What is appended is on its topic when `append` returns."""

    def __init__(self, folder: Path, server: Kafka) -> None:
        super().__init__(folder)
        self._publisher = Publisher(server)
        self.bus = self._publisher.bus

    def append(self, service: str, count: int) -> None:
        super().append(service, count)
        self._publisher.publish(self._stores[service])

    def append_elsewhere(self, service: str, count: int) -> None:
        super().append_elsewhere(service, count)
        self._publisher.publish(self._stores[service])

    def close(self) -> None:
        self._publisher.close()
        super().close()


class Ahead:
    """A bus all of whose subscriptions are read ahead."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def subscribe(self, group: str, services: Sequence[str], *, shared: bool = True) -> Subscription:
        return ReadAhead(self._bus.subscribe(group, services, shared=shared))

    def beginnings(self, services: Sequence[str]) -> Mapping[str, Mapping[int, int]]:
        return self._bus.beginnings(services)


WIRINGS: dict[str, type[EmbeddedWiring]] = {"embedded": EmbeddedWiring, "gathering": GatheringWiring}


@pytest.fixture(params=[*WIRINGS, "kafka", "embedded read ahead", "kafka read ahead"])
def wiring(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Wiring]:
    name, ahead = request.param.removesuffix(" read ahead"), request.param.endswith(" read ahead")
    kind = WIRINGS.get(name)
    made = kind(tmp_path) if kind else KafkaWiring(tmp_path, request.getfixturevalue("kafka"))
    made.bus = Ahead(made.bus) if ahead else made.bus
    for service in SERVICES:
        made.append(service, 0)
    yield made
    made.close()


@contextmanager
def reading(
    wiring: Wiring,
    group: str = "group",
    services: Sequence[str] = SERVICES,
    start: Mapping[Source, int] | None = None,
) -> Iterator[Subscription]:
    """A member that has its sources, and reads them from `start` or the beginning."""
    with closing(wiring.bus.subscribe(group, services)) as subscription:
        eventually(lambda: subscription.assignment or subscription.poll(0.01, 1), seconds=30, what="an assignment")
        for source in subscription.progress():
            subscription.seek(source, (start or {}).get(source, 0))
        yield subscription


def take(subscription: Subscription, count: int, limit: int = 100) -> list[Delivery]:
    """So many deliveries, however many polls they take; then no more come."""
    found: list[Delivery] = []

    def enough() -> bool:
        found.extend(subscription.poll(0.01, limit))
        return len(found) >= count

    eventually(enough, what=f"{count} deliveries")
    assert subscription.poll(0.0, limit) == []
    assert len(found) == count
    return found


def more(subscription: Subscription, found: list[Delivery], limit: int) -> bool:
    """Poll once more, into the list; always true."""
    found.extend(subscription.poll(0.01, limit))
    return True


def take_of(subscription: Subscription, source: Source, count: int) -> list[Delivery]:
    """At least so many deliveries of one source."""
    found: list[Delivery] = []
    eventually(lambda: more(subscription, found, 7) and len(by_source(found).get(source, [])) >= count)
    return by_source(found).get(source, [])


def by_source(deliveries: list[Delivery]) -> dict[Source, list[Delivery]]:
    found: dict[Source, list[Delivery]] = {}
    for delivery in deliveries:
        found.setdefault((delivery.envelope.service, delivery.envelope.partition), []).append(delivery)
    return found


def envelopes(deliveries: list[Delivery], service: str) -> list[Envelope]:
    """What a service recorded, in position order."""
    found = [delivery.envelope for delivery in deliveries if delivery.envelope.service == service]
    return sorted(found, key=lambda envelope: envelope.position)


def assert_chained(deliveries: list[Delivery], start: Mapping[Source, int] | None = None) -> None:
    """In each source the positions rise and each names the one before it (0 before the first)."""
    for source, found in by_source(deliveries).items():
        before = (start or {}).get(source, 0)
        for delivery in found:
            assert delivery.previous == before, source
            assert delivery.envelope.position > before
            before = delivery.envelope.position


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
def test_everything_comes_once_and_each_source_in_order(wiring: Wiring, limit: int) -> None:
    wiring.append("first", 40)
    wiring.append("second", 25)
    with reading(wiring) as subscription:
        found = take(subscription, 65, limit)
    assert_chained(found)
    for service in SERVICES:
        assert envelopes(found, service) == wiring.recorded(service)


def test_a_poll_brings_no_more_than_its_limit_and_nothing_where_there_is_nothing(wiring: Wiring) -> None:
    with reading(wiring) as subscription:
        assert subscription.poll(0.0, 10) == []
        wiring.append("first", 12)
        wiring.append("second", 12)
        left = 24
        for _ in range(1000):
            brought = len(subscription.poll(0.01, 5))
            assert brought <= 5
            left -= brought
            if not left:
                return
        pytest.fail(f"{left} did not come")


def test_a_busy_service_does_not_keep_another_waiting(wiring: Wiring) -> None:
    wiring.append("first", 60)
    wiring.append("second", 1)
    found: list[Delivery] = []

    def came_from_the_quiet_one() -> bool:
        found.extend(subscription.poll(0.01, 10))
        wiring.append("first", 10)
        return bool(envelopes(found, "second"))

    with reading(wiring) as subscription:
        eventually(came_from_the_quiet_one, seconds=20)


def test_only_the_services_asked_for_come(wiring: Wiring) -> None:
    wiring.append("first", 3)
    wiring.append("second", 4)
    with reading(wiring, services=["second"]) as subscription:
        found = take(subscription, 4)
        assert {delivery.envelope.service for delivery in found} == {"second"}
        assert {service for service, _ in subscription.progress()} == {"second"}


def test_subscriptions_do_not_disturb_each_other(wiring: Wiring) -> None:
    wiring.append("first", 10)
    with (
        reading(wiring, "one") as one,
        reading(wiring, "other") as other,
    ):
        before = take(one, 10)
        wiring.append("first", 5)
        assert len(take(other, 15)) == 15
        assert_chained([*before, *take(one, 5)])
        for source in other.progress():
            other.seek(source, 0)
        assert one.poll(0.0, 10) == []
        assert_chained(take(other, 15))


def test_what_is_read_again_from_the_middle_still_names_what_came_before(wiring: Wiring) -> None:
    wiring.append("first", 50)
    with reading(wiring) as subscription:
        everything = by_source(take(subscription, 50))
        for source, deliveries in everything.items():
            middle = deliveries[len(deliveries) // 2]
            subscription.seek(source, middle.offset)
            rest = deliveries[len(deliveries) // 2 + 1 :]
            again = take_of(subscription, source, len(rest))
            assert again[-len(rest) :] == rest if rest else True


def test_seeking_to_the_beginning_delivers_all_of_that_source_again(wiring: Wiring) -> None:
    wiring.append("first", 30)
    with reading(wiring) as subscription:
        everything = by_source(take(subscription, 30))
        source = max(everything, key=lambda key: len(everything[key]))
        subscription.seek(source, 0)
        again: list[Delivery] = []
        eventually(lambda: more(subscription, again, 4) and by_source(again).get(source) == everything[source])


def test_of_several_seeks_none_skips_what_another_asked_for(wiring: Wiring) -> None:
    wiring.append("first", 30)
    with reading(wiring) as subscription:
        everything = by_source(take(subscription, 30))
        for source, deliveries in everything.items():
            subscription.seek(source, deliveries[-1].offset)
        victim = sorted(everything)[0]
        subscription.seek(victim, 0)
        for source, deliveries in everything.items():
            if source != victim:
                subscription.seek(source, deliveries[0].offset)
        again: list[Delivery] = []
        eventually(lambda: more(subscription, again, 100) and by_source(again).get(victim) == everything[victim])


def test_a_new_subscription_goes_on_from_the_progress_of_an_older_one(wiring: Wiring) -> None:
    """A consumer that starts again seeks to what it kept."""
    wiring.append("first", 20)
    wiring.append("second", 20)
    with reading(wiring) as subscription:
        before: list[Delivery] = []
        eventually(lambda: more(subscription, before, 3) and len(before) > 25)
        progress = dict(subscription.progress())
    with reading(wiring, start=progress) as subscription:
        after = take(subscription, 40 - len(before))
    last = {source: found[-1].envelope.position for source, found in by_source(before).items()}
    assert_chained(after, last)
    for service in SERVICES:
        assert envelopes(before + after, service) == wiring.recorded(service)


def test_progress_and_lag_tell_how_far_it_is(wiring: Wiring) -> None:
    with reading(wiring) as subscription:
        assert set(subscription.lag().values()) <= {0}
        wiring.append("first", 10)
        wiring.append("second", 3)
        assert subscription.lag() == {"first": 10, "second": 3}
        assert subscription.size() == 13
        found = take(subscription, 13)
        assert subscription.lag() == {"first": 0, "second": 0}
        progress = subscription.progress()
        for source, deliveries in by_source(found).items():
            assert progress[source] >= deliveries[-1].offset
        subscription.commit(progress)
        wiring.append("second", 2)
        assert subscription.lag() == {"first": 0, "second": 2}
        assert subscription.behind(progress) == {"first": 0, "second": 2}
        assert subscription.behind({}) == {"first": 10, "second": 5}


def test_the_oldest_event_that_was_not_delivered_is_known(wiring: Wiring) -> None:
    with reading(wiring) as subscription:
        assert subscription.oldest_unread() is None
        wiring.append("first", 3)
        assert subscription.oldest_unread() == wiring.recorded("first")[0].recorded_at
        take(subscription, 3)
        assert subscription.oldest_unread() is None


def test_a_subscription_of_no_group_reads_everything_beside_a_member(wiring: Wiring) -> None:
    """A rebuild."""
    wiring.append("first", 20)
    with reading(wiring) as member, closing(wiring.bus.subscribe("group", SERVICES, shared=False)) as alone:
        take(member, 20)
        eventually(lambda: alone.assignment or alone.poll(0.01, 1), seconds=30)
        assert set(alone.progress()) == {(service, number) for service in SERVICES for number in range(8)}
        for source in alone.progress():
            alone.seek(source, 0)
        assert_chained(take(alone, 20))
        wiring.append("first", 1)
        take(member, 1)


def test_what_is_not_assigned_is_not_sought(wiring: Wiring) -> None:
    with reading(wiring) as subscription:
        subscription.seek(("first", 99), 5)
        subscription.seek(("nobody", 0), 5)
        wiring.append("first", 2)
        take(subscription, 2)


def test_an_append_ends_a_waiting_poll(wiring: Wiring) -> None:
    """Long before its time is up."""
    with reading(wiring) as subscription:
        found: list[Delivery] = []
        waiting = threading.Thread(target=lambda: found.extend(subscription.poll(60.0, 10)))
        waiting.start()
        wiring.append("second", 1)
        waiting.join(20)
        assert not waiting.is_alive()
        assert [delivery.envelope for delivery in found] == wiring.recorded("second")


def test_appends_of_another_process_are_found(wiring: Wiring) -> None:
    wiring.append("first", 5)
    with reading(wiring) as subscription:
        before = take(subscription, 5)
        wiring.append_elsewhere("first", 7)
        after = take(subscription, 7)
    assert_chained(before + after)
    assert envelopes(before + after, "first") == wiring.recorded("first")


def test_following_while_others_append_misses_nothing(wiring: Wiring) -> None:
    def append(service: str) -> None:
        for _ in range(30):
            wiring.append(service, 5)

    writers = [threading.Thread(target=append, args=(service,)) for service in SERVICES]
    with reading(wiring) as subscription:
        for writer in writers:
            writer.start()
        found = take_until(subscription, 300)
        for writer in writers:
            writer.join(30)
    assert_chained(found)
    for service in SERVICES:
        assert envelopes(found, service) == wiring.recorded(service)


def take_until(subscription: Subscription, count: int) -> list[Delivery]:
    found: list[Delivery] = []
    eventually(lambda: more(subscription, found, 6) and len(found) >= count, seconds=30)
    return found


# --- of the embedded adapter alone --------------------------------------------------------------------------------


def test_events_gather_until_somebody_wants_them(tmp_path: Path) -> None:
    with closing(make_store(tmp_path / "first.sqlite", "first")) as store, ThreadPoolExecutor(1) as poller:
        subscription = EmbeddedBus({"first": store}, gather_seconds=60.0).subscribe("group", ["first"])
        append_to(store, "s-1")
        assert len(subscription.poll(60.0, 10)) == 1
        gathering = poller.submit(subscription.poll, 60.0, 10)
        append_to(store, "s-2")
        append_to(store, "s-3")
        subscription.wake()
        assert [delivery.envelope.stream for delivery in gathering.result(20)] == ["s-2", "s-3"]
        subscription.close()


def test_what_another_process_records_is_found_behind_our_own(tmp_path: Path) -> None:
    path = tmp_path / "first.sqlite"
    with closing(make_store(path, "first")) as store, closing(open_store(path, "first")) as other:
        subscription = EmbeddedBus({"first": store}, gather_seconds=0.01).subscribe("group", ["first"])
        for turn in range(5):
            writers = (store, other, other, store, other)[turn % 2 :]
            for writer in writers:
                append_to(writer, "s-1")
            take_until(subscription, len(writers))
        subscription.seek(("first", 0), 0)
        again = subscription.poll(0, 100)
        assert [delivery.envelope for delivery in again] == store.read(0, 100)
        subscription.close()


def test_a_poll_that_is_wanted_brings_what_another_process_recorded(tmp_path: Path) -> None:
    path = tmp_path / "first.sqlite"
    with closing(make_store(path, "first")) as store, closing(open_store(path, "first")) as other:
        subscription = EmbeddedBus({"first": store}, gather_seconds=60.0).subscribe("group", ["first"])
        append_to(store, "s-1")
        append_to(other, "s-2")
        subscription.wake()
        assert [delivery.envelope.stream for delivery in subscription.poll(60.0, 10)] == ["s-1", "s-2"]
        subscription.close()


def test_a_closed_subscription_leaves_the_store_and_ends_its_poll(tmp_path: Path) -> None:
    with closing(make_store(tmp_path / "first.sqlite", "first")) as store:
        subscription = EmbeddedBus({"first": store}).subscribe("group", ["first"])
        waiting = threading.Thread(target=subscription.poll, args=(60.0, 10))
        waiting.start()
        subscription.close()
        waiting.join(20)
        assert not waiting.is_alive()
        subscription.close()
        assert listeners(store) == 0
        append_to(store, "s-1")


def listeners(store: EventStore) -> int:
    return len(store._listeners)
