"""The check character of a unified social credit code 统一社会信用代码 (GB 32100-2015; DOMAIN §4.2)."""

from __future__ import annotations

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))


def check_character(code: str) -> str:
    """The 18th character that the first 17 ask for; characters outside the alphabet count as 0."""
    total = sum(_VALUES.get(character, 0) * weight for character, weight in zip(code, _WEIGHTS, strict=False))
    return _ALPHABET[(31 - total % 31) % 31]
