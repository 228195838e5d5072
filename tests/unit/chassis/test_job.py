"""A job whose steps fail in a way that nobody foresaw."""

from __future__ import annotations

from structlog.testing import capture_logs

from services.chassis.hosting.job import LONGEST_PAUSE_SECONDS, Job, Turns


class Steps:
    """Fails as it is told."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self) -> None:
        if self.error is not None:
            raise self.error


def test_a_job_that_fails_waits_longer_each_time_and_says_so_once() -> None:
    steps = Steps()
    turns = Turns("relay", Job(steps))
    turns.step()
    assert (turns.pause, turns.trouble) == (0.0, None)
    steps.error = AssertionError("the library's own")
    pauses = []
    with capture_logs() as told:
        for _ in range(20):
            turns.step()
            pauses.append(turns.pause)
    assert pauses == sorted(pauses)
    assert 0 < pauses[0] < pauses[-1] == LONGEST_PAUSE_SECONDS
    assert [line["event"] for line in told] == ["job failed"]
    assert turns.trouble is not None
    assert "AssertionError: the library's own" in turns.trouble


def test_another_failure_is_told_and_so_is_that_it_goes_on() -> None:
    steps = Steps()
    turns = Turns("relay", Job(steps, 0.5))
    with capture_logs() as told:
        for error in (TypeError("one"), TypeError("one"), TypeError("two"), None, None):
            steps.error = error
            turns.step()
    assert [line["event"] for line in told] == ["job failed", "job failed", "job goes on"]
    assert (turns.pause, turns.trouble) == (0.5, None)
