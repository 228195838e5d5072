"""A few rounds of the storm; `make storm` has many."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.storm import run

ROUNDS = 4


@pytest.mark.timeout(300)
def test_a_few_rounds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, seed=2017, rounds=ROUNDS) == []
    last = capsys.readouterr().out.splitlines()[-1]
    assert f"{ROUNDS} rounds" in last
    assert last.endswith("nothing lost, nothing doubled")
