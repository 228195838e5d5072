"""The form in which speed is reported: the fields of each leg, what counts as met, what a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from tests.bench import __main__ as bench
from tests.bench.command_to_view import too_slow
from tests.bench.pgbench import tps_in
from tests.bench.report import Better, Report, compared, limited, reaches, rounded, summary, table, write
from tests.bench.rounds import Bench
from tests.bench.servers import Servers

FIELDS = ["leg", "ours", "unit", "reference", "reference_value", "ratio", "better", "target", "met"]
NAMES = [
    *("append_sqlite_1", "append_sqlite_8", "append_sqlite_64", "projection_sqlite", "rebuild_100k_sqlite"),
    *("grpc_command_embedded_8", "grpc_command_embedded_64", "command_to_view_p99_embedded"),
    *("overview_page_p95", "memory_embedded"),
    *("append_pg_1", "append_pg_8", "append_pg_64", "append_pg_8_pgbench", "append_pg_64_pgbench", "append_pg_4proc"),
    *("grpc_command_pg_8", "grpc_command_pg_64", "grpc_command_pg_8_2api", "grpc_command_pg_64_2api"),
    *("grpc_command_pg_8_beside", "grpc_command_pg_64_beside"),
    *("projection_pg", "relay_kafka", "consume_kafka", "command_to_view_p99_kafka", "rebuild_1m_pg"),
    *("memory_per_service", "growth_append_pg", "growth_projection_pg", "growth_board_query_pg"),
]
FAST = compared("append_sqlite_8", 8123.4, "events/s", "a peer", 2000.0, 4.0)
SLOW = compared("grpc_command_embedded_8", 900.0, "commands/s", "an echo", 3000.0, 0.5)
SMALL = limited("memory_embedded", 171.2, "MB", 300.0)
TOLD = compared("grpc_command_pg_8_beside", 800.0, "commands/s", "an echo", 3000.0, None)


def test_every_leg_of_the_target_list_is_measured_in_its_order() -> None:
    assert [leg.__name__ for leg in bench.LEGS] == NAMES


def test_the_file_has_every_field_of_every_leg(tmp_path: Path) -> None:
    write(Report(machine={"cores": "2"}, legs=[FAST, SMALL]), tmp_path / "new" / "bench.json")
    read = json.loads((tmp_path / "new" / "bench.json").read_text(encoding="utf-8"))
    assert sorted(read) == ["legs", "machine"]
    assert [list(leg) for leg in read["legs"]] == [FIELDS, FIELDS]
    assert read["legs"][0] == {
        "leg": "append_sqlite_8",
        "ours": 8120.0,
        "unit": "events/s",
        "reference": "a peer",
        "reference_value": 2000.0,
        "ratio": 4.06,
        "better": "higher",
        "target": 4.0,
        "met": True,
    }
    assert (read["legs"][1]["reference"], read["legs"][1]["ratio"], read["legs"][1]["met"]) == (None, None, True)


@pytest.mark.parametrize(
    ("value", "target", "better", "met"),
    [
        (4.0, 4.0, "higher", True),
        (3.999, 4.0, "higher", False),
        (100.0, 100.0, "lower", True),
        (100.1, 100.0, "lower", False),
    ],
)
def test_a_target_is_met_at_its_very_value_and_not_short_of_it(
    value: float, target: float, better: Better, met: bool
) -> None:
    assert reaches(value, target, better) is met


def test_a_ratio_is_judged_before_it_is_rounded() -> None:
    leg = compared("append_sqlite_8", 3_999.9, "events/s", "a peer", 1000.0, 4.0)
    assert (leg.ratio, leg.met) == (4.0, False)


def test_the_table_names_what_was_missed_and_on_what_it_was_measured() -> None:
    lines = table(Report(machine={"cores": "2"}, legs=[FAST, SLOW, SMALL])).splitlines()
    assert lines[0] == "cores: 2"
    by_leg = {line.split()[0]: line for line in lines[3:]}
    assert by_leg["append_sqlite_8"].endswith("met")
    assert by_leg["grpc_command_embedded_8"].endswith("MISSED")
    assert "≤ 300" in by_leg["memory_embedded"]


def test_a_leg_without_a_target_is_reported_and_counts_neither_as_met_nor_as_missed() -> None:
    assert (TOLD.ratio, TOLD.target, TOLD.met) == (0.267, None, None)
    line = table(Report(machine={}, legs=[TOLD])).splitlines()[-1]
    assert line.endswith("reported")
    assert summary([FAST, SLOW, TOLD]) == "1 of 2 targets met"


def test_a_leg_that_failed_is_missed_whatever_it_reached_and_says_why() -> None:
    failed = limited("command_to_view_p99_kafka", 12.0, "ms", 250.0, failure=too_slow(150.4))
    assert failed.met is False
    assert table(Report(machine={}, legs=[failed])).endswith("FAILED: only 150 of 200 commands a second were answered")
    assert too_slow(194.0) is None


def test_rounds_alternate_and_each_side_gives_its_median() -> None:
    order: list[str] = []
    ours, theirs = iter([3.0, 1.0, 2.0]), iter([30.0, 10.0, 50.0])

    def measure_ours() -> float:
        order.append("ours")
        return next(ours)

    def measure_theirs() -> float:
        order.append("theirs")
        return next(theirs)

    assert Bench(rounds=3).medians(measure_ours, measure_theirs) == (2.0, 30.0)
    assert order == ["ours", "theirs"] * 3


def test_pgbench_names_its_rate_or_none() -> None:
    assert tps_in("latency average = 1.2 ms\ntps = 6201.5 (without initial connection time)\n") == 6201.5
    with pytest.raises(ValueError, match="names no rate"):
        tps_in("number of transactions actually processed: 0")


def test_what_took_long_to_make_is_made_once_and_ends_with_the_run() -> None:
    told: list[str] = []

    @contextmanager
    def make() -> Iterator[str]:
        told.append("made")
        yield "history"
        told.append("ended")

    with Servers() as servers:
        assert servers.keep("history", make) is servers.keep("history", make)
        assert told == ["made"]
    assert told == ["made", "ended"]


@pytest.mark.parametrize(("shared", "whole"), [(False, ["a1", "end", "a2", "end", "b3", "end"]), (True, ["a1", "end"])])
def test_what_is_lent_ends_with_its_leg_and_where_it_is_shared_when_another_is_asked_for(
    shared: bool, whole: list[str]
) -> None:
    told: list[str] = []
    numbers = count(1)

    @contextmanager
    def make(name: str) -> Iterator[str]:
        told.append(f"{name}{next(numbers)}")
        yield told[-1]
        told.append("end")

    with Servers(shared=shared) as servers:
        for name in ("a", "a", "b"):
            with servers.lend("city", name, partial(make, name)) as lent:
                assert lent[0] == name
        assert told[: len(whole)] == whole
    assert told == (["a1", "end", "b2", "end"] if shared else whole)


def test_legs_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert [leg.__name__ for leg in bench.chosen("append_sqlite,memory_e")] == [*NAMES[:3], "memory_embedded"]
    assert len(bench.chosen("")) == len(NAMES)
    with pytest.raises(SystemExit, match="no leg of that name"):
        bench.chosen("nonsense")


def test_figures_keep_three_digits() -> None:
    assert [rounded(value) for value in (12_345.6, 0.98765, 3.0)] == [12_300.0, 0.988, 3.0]
