"""The two times of a question: the business date D that it is about, and the instant T up to which facts count.

今日所知 as now known: every fact recorded so far, read at D. 当时所知 as then known: only what had been recorded
by the end of D (Asia/Shanghai). Any other pair (D, T) by `known_at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.service import Asker
from services.chassis.time.clock import SHANGHAI
from services.chassis.time.instants import microseconds

EARLIEST = date(1990, 1, 1)
"""No programme reaches further back; a date before it is a slip of the pen."""


class Asked(Protocol):
    """The two times as a query carries them."""

    @property
    def on(self) -> date | None: ...

    @property
    def known_on(self) -> date | None: ...

    @property
    def known_at(self) -> datetime | None: ...


@dataclass(frozen=True)
class Moment:
    """The state of affairs on `on`, by the facts recorded before `known_before` (microseconds since 1970 UTC;
    None: all facts)."""

    on: date
    known_before: int | None = None

    @property
    def as_now_known(self) -> Moment:
        return Moment(self.on)

    @property
    def as_then_known(self) -> Moment:
        return Moment(self.on, end_of(self.on))

    def other(self, today: date) -> Moment | None:
        """The same day by the other knowledge: as then known beside as now known. None for today: both are one."""
        if self.known_before is not None:
            return self.as_now_known
        return None if self.on >= today else self.as_then_known


def end_of(day: date) -> int:
    """The first instant after the day in Asia/Shanghai, in microseconds since 1970 UTC."""
    following = day + timedelta(days=1)
    return microseconds(datetime(following.year, following.month, following.day, tzinfo=SHANGHAI))


def moment_of(asked: Asked, asker: Asker) -> Moment:
    """The times that a query means; raises InvalidRequest for a day that can't be looked at."""
    on = asked.on if asked.on is not None else asker.today
    require_reachable(on, asker.today)
    if asked.known_on is not None and asked.known_at is not None:
        both = Violation("known_at", "known_on 与 known_at 只能给一个", "give known_on or known_at, not both")
        raise InvalidRequest(both)
    if asked.known_on is not None:
        return Moment(on, _until_now(min(asked.known_on, asker.today), asker))
    if asked.known_at is not None:
        return Moment(on, _before(asked.known_at, asker))
    return Moment(on)


def require_reachable(on: date, today: date) -> None:
    """Refuse (InvalidRequest) a day of the future, or of a time that no programme reaches back to."""
    if on > today:
        wrong = Violation(
            "on",
            f"日期 {on} 晚于今天 {today},不能查看未来",
            f"{on} is later than today, {today}; only the past is known",
        )
        raise InvalidRequest(wrong)
    if on < EARLIEST:
        raise InvalidRequest(too_early("on", on))


def too_early(field: str, day: date | str) -> Violation:
    return Violation(field, f"日期 {day} 过早", f"{day} is too long ago")


def _until_now(known_on: date, asker: Asker) -> int | None:
    """By the end of today means everything known."""
    return None if known_on >= asker.today else end_of(max(known_on, EARLIEST))


def _before(known_at: datetime, asker: Asker) -> int | None:
    if known_at.tzinfo is None:
        raise InvalidRequest(Violation("known_at", "时刻须带时区", "the instant needs a time zone"))
    return None if known_at >= asker.now else max(microseconds(known_at), 0)
