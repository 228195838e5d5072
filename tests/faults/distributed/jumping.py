"""A clock that jumps: as far off as a file says, in seconds.

Only the business clock of a process jumps, by which facts are recorded and days pass. Leases go by the database's
clock, time-outs by the monotonic one, and neither can be moved for one process; tokens go by real time.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path

from services.chassis.time.clock import SystemClock, business_day


def jump(clock: Path, *seconds: float) -> None:
    """From now on clocks that follow this file are so far off; where several numbers are given, by one after another,
    a jump at each reading."""
    draft = clock.with_suffix(".draft")
    draft.write_text(" ".join(f"{each:.3f}" for each in seconds), encoding="ascii")
    draft.replace(clock)


def let_jump(clock: Path) -> None:
    """From now on the business clock of this process follows the file."""
    readings = count()

    def now(_self: SystemClock) -> datetime:
        offsets = [float(each) for each in clock.read_text(encoding="ascii").split()]
        return datetime.now(UTC) + timedelta(seconds=offsets[next(readings) % len(offsets)])

    def today(self: SystemClock) -> date:
        return business_day(now(self))

    SystemClock.now = now  # type: ignore[assignment, method-assign]
    SystemClock.today = today  # type: ignore[method-assign]
