"""Sources that no member of a group reads are told once that lasts."""

from __future__ import annotations

from typing import cast

from services.chassis.bus.port import Source, Subscription
from services.chassis.bus.unheld import UnheldWatch
from services.chassis.errors import Unavailable


class Group:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.found: dict[Source, int] | Unavailable = {}

    def unheld(self) -> dict[Source, int]:
        if isinstance(self.found, Unavailable):
            raise self.found
        return self.found


def watch_of(group: Group, patience_seconds: float) -> UnheldWatch:
    return UnheldWatch("views", cast(Subscription, group), patience_seconds)


def test_what_nobody_reads_is_told_with_what_waits_there() -> None:
    group = Group()
    watch = watch_of(group, 0.0)
    watch.step()
    assert watch.notice is None
    group.found = {("work", 3): 5, ("work", 7): 0}
    watch.step()
    assert watch.notice is not None
    assert "work/3, work/7" in watch.notice
    assert "no member of the group views reads these partitions, in which 5 records wait" in watch.notice
    group.found = Unavailable("不在", "away")
    watch.step()
    assert watch.notice is not None, "what the bus can not tell stays as it was"
    group.found = {}
    watch.step()
    assert watch.notice is None


def test_a_handover_is_not_told() -> None:
    group = Group()
    watch = watch_of(group, 3600.0)
    group.found = {("work", 3): 5}
    watch.step()
    assert watch.notice is None
