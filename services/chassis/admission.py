"""How many requests a door has in hand at once. More are refused at once; nothing queues."""

from __future__ import annotations

from types import TracebackType

from services.chassis.errors import Overloaded


class Admission:
    """`with admission:` around a request. For one event loop only."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0

    @property
    def inside(self) -> int:
        """Requests in hand now."""
        return self._inside

    def __enter__(self) -> None:
        """Raises Overloaded when the limit is reached."""
        if self._inside >= self._limit:
            raise Overloaded("系统繁忙,请稍后重试", "too many requests are in hand; try again later")
        self._inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
