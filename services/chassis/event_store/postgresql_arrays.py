"""PostgreSQL's binary form of one-dimensional arrays, as its send and receive functions have it.

Written out here because the driver looks at each element for its type: that costs as much as the rest of an append,
and an array of small numbers would come as another type than one of large ones.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

TEXT, BYTEA, INTEGER, BIGINT = 25, 17, 23, 20
"""Type numbers (oid) of elements; they are part of the protocol."""

ARRAYS = {TEXT: 1009, BYTEA: 1001, INTEGER: 1007, BIGINT: 1016}
"""The number of the array type for each."""

_HEAD = struct.Struct(">iiiii")
_LENGTH = struct.Struct(">i").pack
_NULL = _LENGTH(-1)
_LETTERS = {INTEGER: ("ii", 4), BIGINT: ("iq", 8)}


def numbers(kind: int, values: Sequence[int]) -> bytes:
    """An array of INTEGER or BIGINT; raises struct.error for a number that is too large."""
    letters, size = _LETTERS[kind]
    flat = [size] * (2 * len(values))
    flat[1::2] = values
    return _head(kind, len(values), 0) + struct.pack(f">{letters * len(values)}", *flat)


def texts(values: Sequence[str]) -> bytes:
    """An array of TEXT."""
    return blobs([value.encode() for value in values], TEXT)


def texts_or_nulls(values: Sequence[str | None]) -> bytes:
    """An array of TEXT in which None is NULL."""
    parts = [_head(TEXT, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            raw = value.encode()
            parts += (_LENGTH(len(raw)), raw)
    return b"".join(parts)


def blobs(values: Sequence[bytes], kind: int = BYTEA) -> bytes:
    """An array of BYTEA, or of another kind whose elements are given as their bytes."""
    parts = [b""] * (2 * len(values) + 1)
    parts[0] = _head(kind, len(values), 0)
    parts[1::2] = [_LENGTH(len(value)) for value in values]
    parts[2::2] = values
    return b"".join(parts)


def _head(kind: int, count: int, nulls: int) -> bytes:
    return _HEAD.pack(1 if count else 0, nulls, kind, count, 1) if count else struct.pack(">iii", 0, nulls, kind)
