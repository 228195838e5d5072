"""A value that must be shown nowhere."""

from __future__ import annotations


class Secret:
    """Text that only `reveal` tells: as a string, in a repr and in a log it is `…`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Raises ValueError for an empty text: an empty file must not count as a password."""
        if not text:
            raise ValueError("a secret must not be empty")
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __str__(self) -> str:
        return "…"

    __repr__ = __str__
