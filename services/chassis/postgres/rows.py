"""Many rows in one statement on PostgreSQL: each column as one binary array, put together here, taken apart by
`unnest`. One round trip, and no look at each value for its type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Column
from sqlalchemy.engine import Connection
from sqlalchemy.types import BigInteger, Boolean, Integer, LargeBinary, Text

from services.chassis.event_store.postgresql_arrays import ARRAYS, BIGINT, BYTEA, INTEGER, TEXT, blobs, numbers, texts


class _Packed:
    """An array in its binary form."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Texts(_Packed): ...


class _Blobs(_Packed): ...


class _Integers(_Packed): ...


class _BigIntegers(_Packed): ...


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: _Packed) -> bytes:
        return obj.data


_DUMPERS = {
    packed: type(f"{packed.__name__}Dumper", (_PackedDumper,), {"oid": ARRAYS[kind]})
    for packed, kind in ((_Texts, TEXT), (_Blobs, BYTEA), (_Integers, INTEGER), (_BigIntegers, BIGINT))
}

_PACKING: dict[type[Any], tuple[str, Callable[[Sequence[Any]], Any]]] = {
    Text: ("text[]", lambda values: _Texts(texts(values))),
    LargeBinary: ("bytea[]", lambda values: _Blobs(blobs(values))),
    BigInteger: ("int8[]", lambda values: _BigIntegers(numbers(BIGINT, values))),
    Integer: ("int4[]", lambda values: _Integers(numbers(INTEGER, values))),
    Boolean: ("bool[]", list),
}
"""By the column's type: the array's type, and how its values are packed. No value may be None."""


def take_packed(connection: psycopg.Connection[Any]) -> None:
    """Let this connection send arrays that are packed already."""
    for packed, dumper in _DUMPERS.items():
        connection.adapters.register_dumper(packed, dumper)


class UnnestRows:
    """`before SELECT … after`, with all rows."""

    def __init__(self, before: str, columns: Sequence[Column[Any]], after: str) -> None:
        packing = [_PACKING[type(column.type)] for column in columns]
        arrays = ", ".join(f"%b::{name}" for name, _ in packing)
        names = ", ".join(f"column{number}" for number in range(1, len(columns) + 1))
        self._text = f"{before} SELECT * FROM unnest({arrays}) AS given({names}){after}"
        self._packers = [pack for _, pack in packing]

    def run(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> int:
        if not rows:
            return 0
        arrays = tuple(pack(column) for pack, column in zip(self._packers, zip(*rows, strict=True), strict=True))
        return connection.exec_driver_sql(self._text, arrays).rowcount
