"""Decimals as people write them."""

from __future__ import annotations

from decimal import Decimal


def at_most_decimals(value: Decimal, places: int) -> bool:
    """Whether it is a finite number with at most so many decimals; zeros at the end don't count."""
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return False
    too_fine = -places - exponent
    return too_fine <= 0 or not any(digits[-too_fine:])
