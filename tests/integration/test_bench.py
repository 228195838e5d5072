"""A leg of each kind of server runs: `make bench` is not run by the tests, and would be found broken too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.bench.append_pg import append_pg_8_pgbench
from tests.bench.growth import growth_board_query_pg
from tests.bench.kafka_flow import relay_kafka
from tests.bench.projection_pg import projection_pg
from tests.bench.report import Leg
from tests.bench.rounds import Bench
from tests.bench.servers import Servers
from tests.servers import Kafka, Postgres


@pytest.fixture
def bench(postgres: Postgres, kafka: Kafka) -> Iterator[Bench]:
    """One short round on the shared servers."""
    with Servers(postgres, kafka) as servers:
        yield Bench(rounds=1, quick=True, servers=servers)


@pytest.mark.parametrize("leg", [append_pg_8_pgbench, projection_pg, relay_kafka, growth_board_query_pg])
def test_a_leg_on_servers_measures_something_beside_its_reference(leg: Callable[[Bench], Leg], bench: Bench) -> None:
    found = leg(bench)
    assert found.leg == leg.__name__
    assert found.ours > 0
    assert found.ratio is not None
