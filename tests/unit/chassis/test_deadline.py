"""A deadline on a clock that the test moves."""

from __future__ import annotations

import pytest

from services.chassis.deadline import Deadline
from services.chassis.errors import DeadlineExceeded


def test_a_deadline_runs_out() -> None:
    now = [50.0]
    deadline = Deadline.after(2.0, lambda: now[0])
    assert deadline.remaining() == 2.0
    deadline.check()
    now[0] = 51.5
    assert (deadline.remaining(), deadline.expired) == (0.5, False)
    now[0] = 52.0
    assert (deadline.remaining(), deadline.expired) == (0.0, True)
    with pytest.raises(DeadlineExceeded, match="期限"):
        deadline.check()


@pytest.mark.parametrize("seconds", [0.0, -3.0])
def test_no_time_at_all_has_passed_already(seconds: float) -> None:
    deadline = Deadline.after(seconds)
    assert deadline.expired
    assert deadline.remaining() == 0.0


def test_a_real_deadline_is_ahead() -> None:
    assert 0 < Deadline.after(60).remaining() <= 60
