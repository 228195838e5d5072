"""A few rounds of the storm; `make storm` has many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import storm
from tests.faults.storm import ALL_ROUNDS, EMBEDDED_POINTS, Blow, Kills, Storm, run

ROUNDS = 4


@pytest.mark.timeout(900)
def test_a_few_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, seed=2017, rounds=ROUNDS) == []
    table, last = capsys.readouterr().out.splitlines()[-2:]
    assert "killed by time-out: -" in table
    assert f"{ROUNDS} rounds" in last
    assert ", 0 by time-out)" in last
    assert last.endswith("nothing lost, nothing doubled")


def test_a_process_that_does_not_reach_its_point_in_time_is_counted_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Storm(tmp_path, seed=1)
    try:
        with monkeypatch.context() as impatient:
            impatient.setattr(storm, "DEATH_SECONDS", 0.5)
            given.suffer(Blow("consumer.written", 1_000_000))
        given.suffer(Blow("consumer.written", 1))
    finally:
        given.close()
    assert (given.kills.timed_out, given.kills.reached) == ({"consumer.written": 1}, {"consumer.written": 1})
    assert str(given.kills) == "2 kills (1 at a fault point, 0 at any moment, 1 by time-out)"


def test_a_point_that_is_never_reached_in_many_rounds_is_wrong() -> None:
    kills = Kills()
    kills.reached.update(EMBEDDED_POINTS - {"truth.stored"})
    kills.timed_out["truth.stored"] += 1
    assert kills.wrong(ALL_ROUNDS - 1) == []
    assert kills.wrong(ALL_ROUNDS) == ["truth.stored was never reached"]
