"""`bizenv` with a clock that jumps: as far off as the file named by the first argument says (seconds).

    python -m tests.faults.distributed.serve CLOCK serve project_tracking

Only the business clock jumps, by which facts are recorded and days pass. Leases go by the database's clock, time-outs
by the monotonic one, and neither can be moved for one process.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from services.chassis.time.clock import SystemClock
from services.cli import main


def let_jump(clock: Path) -> None:
    """From now on the business clock of this process is off by what stands in the file."""

    def now(_self: SystemClock) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=float(clock.read_text(encoding="ascii")))

    SystemClock.now = now  # type: ignore[assignment, method-assign]


if __name__ == "__main__":
    let_jump(Path(sys.argv.pop(1)))
    main()
