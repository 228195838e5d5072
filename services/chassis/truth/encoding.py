"""One unambiguous byte form for a row of fields, simple enough to write again in any language."""

from __future__ import annotations

Field = str | int | bytes | None

_ABSENT = b"\xff\xff\xff\xff"


def pack(*fields: Field) -> bytes:
    """The fields one after the other, each with its length before it.

    A field is the count of its bytes as four bytes, most significant first, then the bytes: text in UTF-8, a
    number in decimal ASCII digits without leading zeros (a minus sign before a negative one), bytes as they are. An
    absent field is the count 0xFFFFFFFF and nothing more. Raises OverflowError for a field of 4 GiB or more.
    """
    raws = [field if field is None or isinstance(field, bytes) else str(field).encode() for field in fields]
    return b"".join([_ABSENT if raw is None else len(raw).to_bytes(4) + raw for raw in raws])
