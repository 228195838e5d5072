"""From sending a command to the moment the views show its fact, at 200 commands a second.

Every command goes through the gRPC door of a served city. Of every fourth the receipt's position token goes at once
with a question for that very fact on the project's life line, which is answered when the views hold it. The time is
the whole of it: the command, the consumer, the question.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.bench.latency import Latencies, Pace
from tests.bench.report import Leg, limited
from tests.bench.rounds import Bench
from tests.bench.scratch import folder
from tests.bench.served import Served, make_city, served
from tests.bench.server_city import kept_city, processes

A_SECOND = 200
_names = itertools.count()


def command_to_view_p99_embedded(bench: Bench) -> Leg:
    seconds = bench.sized(8, 4)
    with folder() as place:
        data = Path(place) / "city"
        make_city(data)
        with served(data) as city:
            p99 = bench.median(lambda: followed(city, seconds).seen_p99_ms)
    return limited("command_to_view_p99_embedded", p99, "ms", 100.0)


def command_to_view_p99_kafka(bench: Bench) -> Leg:
    """Three processes on PostgreSQL and Kafka: commands to project_tracking's door, questions to projection's."""
    seconds = bench.sized(8, 4)
    with processes(kept_city(bench.servers), "policy_registry", "project_tracking", "projection") as (_, there, shown):
        p99 = bench.median(lambda: followed(there, seconds, shown).seen_p99_ms)
    return limited("command_to_view_p99_kafka", p99, "ms", 250.0)


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
