"""Until when a caller waits, as a value handed down with the request."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from services.chassis.errors import DeadlineExceeded


class Deadline(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """A moment of the monotonic clock (seconds): setting the machine's time changes nothing."""

    at: float
    _monotonic: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> Deadline:
        """The deadline that many seconds from now; zero or less has passed already."""
        return cls(monotonic() + seconds, monotonic)

    def remaining(self) -> float:
        """Seconds left, never negative; what a blocking call takes as its time-out."""
        return max(0.0, self.at - self._monotonic())

    @property
    def expired(self) -> bool:
        return self._monotonic() >= self.at

    def check(self) -> None:
        """Raise DeadlineExceeded once it has passed."""
        if self.expired:
            raise DeadlineExceeded("请求已超过期限", "the request's deadline has passed")
