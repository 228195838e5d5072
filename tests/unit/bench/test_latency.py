"""What counts as a latency: from the instant at which a command was due, of the commands behind the warm-up."""

from __future__ import annotations

from tests.bench.latency import Answer, summary


def test_a_time_counts_from_when_the_command_was_due_and_not_what_was_due_in_the_warm_up() -> None:
    late = [Answer(due, due + 0.5) for due in (0.2, 1.0, 1.5)]
    found = summary(late, [Answer(0.5, 9.0), Answer(1.0, 1.25)], since=1.0, seconds=1.0)
    assert (found.answered_p99_ms, found.seen_p50_ms, found.followed) == (500.0, 250.0, 1)


def test_the_pace_is_what_was_answered_within_the_time() -> None:
    behind = [Answer(1.0 + due / 10, 1.05 + due / 5) for due in range(10)]
    in_time = [Answer(1.0 + due / 10, 1.05 + due / 10) for due in range(10)]
    assert summary(behind, behind, since=1.0, seconds=1.0).a_second == 5.0
    assert summary(in_time, in_time, since=1.0, seconds=1.0).a_second == 10.0
