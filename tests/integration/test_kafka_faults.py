"""Brokers, members and relays that die, stand still and come back, in the middle of the work."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from services.chassis.event_store import EventStore
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import RelayPlace
from tests.followers import Follower, record
from tests.kafka_topics import own_prefix
from tests.relays import Line, running
from tests.servers import Kafka
from tests.small_disk import small_disk
from tests.stores import make_store, open_store_at
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        yield made


@contextmanager
def recording(place: str) -> Iterator[Callable[[], int]]:
    """Facts are recorded without end meanwhile, as by another process; yields how many there are."""
    ended = threading.Event()
    written = 0

    def run() -> None:
        nonlocal written
        with closing(open_store_at(place)) as store:
            while not ended.is_set():
                record(store, 10)
                written += 10
                ended.wait(0.02)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield lambda: written
    finally:
        ended.set()
        thread.join(30)


def more_than(written: Callable[[], int], count: int) -> None:
    """Wait until so many more were recorded."""
    before = written()
    eventually(lambda: written() >= before + count)


def place_of(store: EventStore) -> int:
    return RelayPlace(store.engine, store.service).read().position


def test_a_broker_killed_and_restarted_in_the_middle(
    own_kafka: Callable[..., Kafka], store: EventStore, tmp_path: Path
) -> None:
    server = own_kafka()
    with (
        closing(Line(server)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)) as relay,
        recording(str(tmp_path / "sample.sqlite")) as written,
    ):
        follower.start()
        eventually(lambda: len(follower.positions("sample")) > 50)
        server.kill()
        more_than(written, 100)
        eventually(lambda: relay.trouble)
        server.start()
        more_than(written, 50)
        eventually(lambda: place_of(store) > 200 and relay.trouble is None)
    with (
        closing(Line(server, prefix=line.cluster._prefix)) as again,
        running(again.relay(store)),
        closing(Follower(tmp_path / "facts.sqlite", again.bus, ["sample"])) as follower,
    ):
        follower.start().wait_for(store)


def test_a_broker_that_stands_still_for_a_while(
    own_kafka: Callable[..., Kafka], store: EventStore, tmp_path: Path
) -> None:
    server = own_kafka()
    with (
        closing(Line(server)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)) as relay,
    ):
        follower.start()
        record(store, 50)
        follower.wait_for(store)
        server.pause()
        try:
            record(store, 50)
            eventually(lambda: relay.trouble)
        finally:
            server.resume()
        follower.wait_for(store, 40)
        eventually(lambda: relay.trouble is None)


def test_a_brokers_disk_that_is_full(own_kafka: Callable[..., Kafka], store: EventStore, tmp_path: Path) -> None:
    """The relay says that nothing goes on, the broker halts; with room on its disk and started again it takes all."""
    server = own_kafka()
    (broker,) = server.brokers
    server.stop()
    data, aside = broker.folder / "data", tmp_path / "aside"
    shutil.move(data, aside)
    with small_disk(data, 128) as disk, closing(Line(server)) as line:
        shutil.copytree(aside, data, dirs_exist_ok=True)
        try:
            server.start()
            with (
                closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
                running(line.relay(store)) as relay,
            ):
                record(store, 50)
                follower.start().wait_for(store)
                process = broker.process
                assert process is not None
                disk.fill(process.pid)
                record(store, 50)
                eventually(lambda: relay.trouble, what="the relay says so")
                disk.free(process.pid)
                broker.kill()  # where it has not halted by itself
                server.start()
                follower.wait_for(store, 60)
                eventually(lambda: relay.trouble is None)
                assert place_of(store) == 100
        finally:
            server.kill()


def test_one_of_three_brokers_killed_while_sending(
    own_kafka: Callable[..., Kafka], store: EventStore, tmp_path: Path
) -> None:
    server = own_kafka(brokers=3)
    shape = TopicShape(replication=3, min_insync=2)
    with (
        closing(Line(server, shape)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)),
    ):
        follower.start()
        with recording(str(tmp_path / "sample.sqlite")) as written:
            eventually(lambda: len(follower.positions("sample")) > 50)
            server.brokers[0].kill()
            more_than(written, 200)
            server.brokers[0].start()
            more_than(written, 100)
        follower.wait_for(store, 60)


def test_members_that_come_and_go_in_the_middle_of_batches(kafka: Kafka, store: EventStore, tmp_path: Path) -> None:
    """They share the sink's tables, as processes of one service do."""
    with closing(Line(kafka)) as line, running(line.relay(store)), ExitStack() as members:

        def join() -> Follower:
            member = Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])
            return members.enter_context(closing(member)).start()

        first = join()
        with recording(str(tmp_path / "sample.sqlite")) as written:
            eventually(lambda: len(first.positions("sample")) > 30)
            second = join()
            eventually(lambda: len(second.consumer.subscription.progress()) == 4)
            eventually(lambda: len(first.consumer.subscription.progress()) == 4)
            more_than(written, 100)
            first.close()
            eventually(lambda: len(second.consumer.subscription.progress()) == 8)
            third = join()
            more_than(written, 50)
        third.wait_for(store)
        assert (first.consumer.failure, second.consumer.failure) == (None, None)


RELAY = """
import sys
from services.chassis.faults import arm
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.relay import Relay
from services.chassis.kafka.topics import TopicShape
from services.chassis.leases import Lease, RelayPlace
from tests.stores import open_store_at

place, servers, prefix, fault = sys.argv[1:]
arm(fault)
store = open_store_at(place)
cluster = Cluster(KafkaAccess(servers=(servers,)), prefix)
lease = Lease(store.engine, "relay-sample", "zombie", seconds=1.0)
relay = Relay(store, lease, RelayPlace(store.engine, "sample"), cluster, TopicShape())
while True:
    relay.step()
    print(relay.leads, flush=True)
"""


def relaying(place: str, kafka: Kafka, prefix: str, fault: str = "") -> subprocess.Popen[str]:
    """A relay in a process of its own, which dies at the fault point."""
    command = [sys.executable, "-c", RELAY, place, kafka.servers, prefix, fault]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_a_relay_process_that_stood_still_and_wakes_after_its_successor(
    kafka: Kafka, place: str, either_store: EventStore, tmp_path: Path
) -> None:
    store, prefix = either_store, own_prefix()
    zombie = relaying(place, kafka, prefix)
    try:
        with (
            closing(Line(kafka, prefix=prefix)) as line,
            closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
            recording(place) as written,
        ):
            follower.start()
            eventually(lambda: len(follower.positions("sample")) > 50)
            zombie.send_signal(signal.SIGSTOP)
            with running(line.relay(store, "next", lease_seconds=1.0)) as successor:
                eventually(lambda: successor.leads)
                more_than(written, 100)
                zombie.send_signal(signal.SIGCONT)
                more_than(written, 100)
                eventually(lambda: place_of(store) > 250)
                assert successor.leads
        with running(line.relay(store, "last")), closing(Follower(follower.path, line.bus, ["sample"])) as last:
            last.start().wait_for(store)
    finally:
        zombie.kill()
        zombie.communicate()


@pytest.mark.parametrize(("point", "moved"), [("sent", 0), ("acknowledged", 0), ("moved", 120)])
def test_a_relay_killed_around_the_move_of_its_checkpoint(
    kafka: Kafka, place: str, either_store: EventStore, tmp_path: Path, point: str, moved: int
) -> None:
    """Whether its sends have arrived, and whether the checkpoint moved or not, the next one goes on."""
    store, prefix = either_store, own_prefix()
    record(store, 120)
    with relaying(place, kafka, prefix, f"relay.{point}") as killed:
        assert killed.wait(60) == -signal.SIGKILL
    assert place_of(store) == moved
    with (
        closing(Line(kafka, prefix=prefix)) as line,
        closing(Follower(tmp_path / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store, "next")),
    ):
        record(store, 30)
        follower.start().wait_for(store)
        eventually(lambda: place_of(store) == 150)
