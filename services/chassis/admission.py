"""How many requests a door has in hand at once. More are refused at once; nothing queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
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
        _HELD.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside -= 1
        _HELD.set(None)

    @contextmanager
    def given_back(self) -> Iterator[None]:
        """Around a wait inside: the place is free for others meanwhile. The way back in is never refused, so whoever
        waits has to be bounded too."""
        self._inside -= 1
        try:
            yield
        finally:
            self._inside += 1


_HELD: ContextVar[Admission | None] = ContextVar("admission", default=None)
"""Where the request that runs in this context has its place."""


@contextmanager
def place_given_back() -> Iterator[None]:
    """`given_back` of the door that let this request in; nothing for a caller who came through none."""
    held = _HELD.get()
    if held is None:
        yield
        return
    with held.given_back():
        yield
