"""Every leg runs: `make bench` is not run by the tests, and would be found broken too late.

At its quick size, one round; what the legs are lent (cities and their processes, the load, the echo) they share. What
they find tells nothing of speed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.bench.__main__ import LEGS
from tests.bench.report import Leg
from tests.bench.rounds import Bench
from tests.bench.servers import Servers
from tests.servers import Kafka, Postgres


@pytest.fixture(scope="module")
def bench(postgres: Postgres, kafka: Kafka) -> Iterator[Bench]:
    """One short round on the shared servers."""
    with Servers(postgres, kafka, shared=True) as servers:
        yield Bench(rounds=1, quick=True, servers=servers)


@pytest.mark.parametrize("leg", LEGS, ids=lambda leg: leg.__name__)
def test_every_leg_measures_something_and_its_reference_too(leg: Callable[[Bench], Leg], bench: Bench) -> None:
    found = leg(bench)
    assert found.leg == leg.__name__
    assert found.ours > 0
    assert found.reference is None or (found.reference_value or 0) > 0
