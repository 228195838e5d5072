"""What was worked out for a few moments, kept for those who ask again: so many as fit, the last used."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Kept(Generic[K, V]):
    """The values used last, for as long as their sizes together are at most `most`; the last `least` of them whatever
    their sizes, since one answer holds that many against each other. Not thread-safe."""

    def __init__(self, size: Callable[[V], int], most: int, least: int = 1) -> None:
        self._size = size
        self._most = most
        self._least = least
        self._held: OrderedDict[K, V] = OrderedDict()
        self._sum = 0

    def get(self, key: K) -> V | None:
        """The value, which counts as used from now on."""
        if key in self._held:
            self._held.move_to_end(key)
        return self._held.get(key)

    def put(self, key: K, value: V) -> None:
        """Keep it as the one used last, and let go of the longest unused where that is too much."""
        self._drop(key)
        self._held[key] = value
        self._sum += self._size(value)
        while self._sum > self._most and len(self._held) > self._least:
            self._drop(next(iter(self._held)))

    def _drop(self, key: K) -> None:
        if key in self._held:
            self._sum -= self._size(self._held.pop(key))

    def __iter__(self) -> Iterator[K]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    def __getitem__(self, key: K) -> V:
        """The value, as little used as before; raises KeyError."""
        return self._held[key]
