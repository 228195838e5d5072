"""From sending a command to the moment the views show its fact, at 200 commands a second.

Every command goes through the gRPC door of a served city. Of every fourth the receipt's position token goes at once
with a question for that very fact on the project's life line, which is answered when the views hold it. The time is
the whole of it: the command, the consumer, the question, and before them what the command waited after it was due. A
pace that was not reached tells nothing of the one that was asked for: the leg fails.
"""

from __future__ import annotations

import itertools
import subprocess
import sys

import msgspec

from tests.bench.latency import Latencies, Pace
from tests.bench.report import Leg, limited
from tests.bench.rounds import Bench
from tests.bench.served import Served, embedded_city
from tests.bench.server_city import kept_processes

A_SECOND = 200
LEAST_SHARE = 0.97
"""Of the pace must be answered in each round."""

_names = itertools.count()


def command_to_view_p99_embedded(bench: Bench) -> Leg:
    with embedded_city(bench.servers) as city:
        return _leg(bench, "command_to_view_p99_embedded", 100.0, city)


def command_to_view_p99_kafka(bench: Bench) -> Leg:
    """Three processes on PostgreSQL and Kafka: commands to project_tracking's door, questions to projection's."""
    with kept_processes(bench.servers, "policy_registry", "project_tracking", "projection") as (_, there, shown):
        return _leg(bench, "command_to_view_p99_kafka", 250.0, there, shown)


def _leg(bench: Bench, name: str, most: float, city: Served, shown: Served | None = None) -> Leg:
    seconds, rates = bench.sized(8.0, 1.0), []

    def p99() -> float:
        found = followed(city, seconds, shown)
        rates.append(found.a_second)
        return found.seen_p99_ms

    middle = bench.median(p99)
    return limited(name, middle, "ms", most, failure=too_slow(min(rates)))


def too_slow(a_second: float) -> str | None:
    """Why a round with so many commands a second does not count; None: it does."""
    if a_second >= LEAST_SHARE * A_SECOND:
        return None
    return f"only {a_second:.0f} of {A_SECOND} commands a second were answered"


def followed(city: Served, seconds: float, shown: Served | None = None) -> Latencies:
    """Run the pace in a process of its own; questions go to `shown`, where that is another process."""
    pace = Pace(
        port=city.grpc,
        ask_port=None if shown is None else shown.grpc,
        a_second=A_SECOND,
        seconds=seconds,
        token=city.token,
        first=f"seen-{next(_names)}",
    )
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.latency"],
        input=msgspec.json.encode(pace),
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Latencies)
