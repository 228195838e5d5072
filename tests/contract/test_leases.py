"""What a lease keeps, on every database: one holder at a time, and nothing written by one that was overtaken."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from sqlalchemy.exc import DBAPIError

from services.chassis.event_store import EventStore
from services.chassis.event_store.opening import create_store
from services.chassis.leases import Lease, LeaseLost, Place, RelayPlace
from services.chassis.truth.ledger import writing
from tests.databases import DATABASES, Database
from tests.stores import store_info
from tests.waiting import eventually


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    made = DATABASES[request.param](request)
    create_store(made.dialect(), store_info("sample"))
    yield made
    made.close()


@pytest.fixture
def store(database: Database) -> Iterator[EventStore]:
    with closing(EventStore(database.dialect(), "sample")) as opened:
        yield opened


def lease(store: EventStore, owner: str, seconds: float = 60.0, name: str = "relay") -> Lease:
    return Lease(store.engine, name, owner, seconds=seconds)


def sign(store: EventStore, holder: Lease, value: str, before: Callable[[], object] = lambda: None) -> None:
    """Write as the holder, after something else that happens within its transaction."""
    with store.engine.connect() as connection, writing(connection):
        connection.exec_driver_sql(f"INSERT INTO store VALUES ('written by', '{value}')")
        holder.guard(connection)
        before()
        connection.exec_driver_sql("SELECT 1")


def test_one_holds_it_until_it_lets_go(store: EventStore) -> None:
    one, other = lease(store, "one"), lease(store, "other")
    assert one.acquire() == 1
    assert one.acquire() == 1, "it holds it already"
    assert other.acquire() is None
    assert other.owner_epoch is None
    assert one.renew()
    one.release()
    assert one.owner_epoch is None
    assert other.acquire() == 2
    assert one.acquire() is None


def test_leases_of_other_names_are_others(store: EventStore) -> None:
    assert lease(store, "one").acquire() == 1
    assert lease(store, "one", name="log").acquire() == 1


def test_of_many_that_want_it_one_gets_it(store: EventStore) -> None:
    ready = threading.Barrier(8)

    def try_it(number: int) -> int | None:
        wanted = lease(store, f"owner {number}")
        ready.wait(10)
        return wanted.acquire()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(filter(None, pool.map(try_it, range(8)))) == [1]


def test_one_that_ended_goes_to_the_next_and_never_back(store: EventStore) -> None:
    still, next_one = lease(store, "still", seconds=0.05), lease(store, "next")
    assert still.acquire() == 1
    eventually(next_one.acquire)
    assert next_one.owner_epoch == 2
    assert not still.renew()
    assert still.owner_epoch is None
    assert still.acquire() is None


def test_one_that_ended_is_still_held_while_nobody_else_wants_it(store: EventStore) -> None:
    """A short absence changes nothing: nobody wrote meanwhile."""
    slow, other = lease(store, "slow", seconds=0.001), lease(store, "other")
    assert slow.acquire() == 1
    slow.seconds = 60.0  # also for how long it may rest in a transaction
    with store.engine.connect() as connection, writing(connection):
        slow.guard(connection)
    assert slow.renew()
    assert other.acquire() is None


def test_a_holder_that_stood_still_and_was_overtaken_writes_nothing(store: EventStore, database: Database) -> None:
    zombie, holder = lease(store, "zombie", seconds=0.05), lease(store, "holder")
    zombie.acquire()
    eventually(holder.acquire)
    with pytest.raises(LeaseLost):
        sign(store, zombie, "zombie")
    assert zombie.owner_epoch is None
    assert database.ask("SELECT * FROM store WHERE key = 'written by'") == []
    sign(store, holder, "holder")
    assert database.ask("SELECT value FROM store WHERE key = 'written by'") == [("holder",)]


def test_one_who_never_held_it_writes_nothing(store: EventStore) -> None:
    with pytest.raises(LeaseLost):
        sign(store, lease(store, "nobody"), "nobody")


def test_nobody_takes_over_in_the_middle_of_a_holders_transaction(store: EventStore) -> None:
    """What the next one reads is all that the former wrote."""
    former, later = lease(store, "former", seconds=0.3), lease(store, "later")
    former.acquire()
    read: list[int] = []

    def take_over() -> None:
        eventually(later.acquire, 30)
        with store.engine.connect() as connection:
            read.append(connection.exec_driver_sql("SELECT count(*) FROM relays").scalar() or 0)

    with store.engine.connect() as connection, writing(connection):
        former.guard(connection)
        taker = threading.Thread(target=take_over)
        taker.start()
        connection.exec_driver_sql("INSERT INTO relays VALUES ('x', 1, 1, 1, NULL)")
    taker.join(30)
    assert read == [1]


def test_a_holder_that_stands_still_in_its_transaction_is_cut_off(
    store: EventStore, request: pytest.FixtureRequest
) -> None:
    if request.node.callspec.params["database"] == "sqlite":
        return  # there the next writer waits for it, as for any other
    zombie, holder = lease(store, "zombie", seconds=0.2), lease(store, "holder")
    zombie.acquire()
    with pytest.raises(DBAPIError):
        sign(store, zombie, "zombie", before=lambda: eventually(holder.acquire))
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM store WHERE key = 'written by'").first() is None


# --- the relay's checkpoint ----------------------------------------------------------------------------------------


def test_a_checkpoint_is_moved_by_its_holder_and_read_by_anyone(store: EventStore) -> None:
    relay = RelayPlace(store.engine, "kafka")
    assert relay.read() == Place(0, 0, None)
    assert relay.take(1) == Place()
    assert relay.move(1, 17, 1)
    assert relay.name_topic("topic-1", 1)
    assert relay.take(1) == RelayPlace(store.engine, "kafka").read() == Place(1, 17, "topic-1")
    assert relay.move(2, 5, 1), "a new store epoch begins lower"
    assert relay.read()[:2] == (2, 5)
    assert RelayPlace(store.engine, "other").read() == Place()


def test_a_former_holder_moves_no_checkpoint(store: EventStore) -> None:
    relay = RelayPlace(store.engine, "kafka")
    relay.take(1)
    relay.move(1, 17, 1)
    assert relay.take(2) == Place(1, 17)
    assert not relay.move(1, 99, 1)
    assert not relay.name_topic("other", 1)
    assert relay.take(1) is None
    assert relay.read() == Place(1, 17)
    assert relay.move(1, 18, 2)


def test_nothing_is_moved_that_was_never_taken(store: EventStore) -> None:
    assert not RelayPlace(store.engine, "kafka").move(1, 17, 1)
