"""The leaf that a log takes in next: events leave no gap, and each says what it must."""

from __future__ import annotations

from services.chassis.truth.leaf import MalformedRow, leaf_of_row
from services.chassis.truth.ledger import Row
from services.chassis.truth.published import LogBroken


def next_leaf(row: Row, position: int) -> bytes:
    """Of the event that is to stand at this position; raises LogBroken where it is not there, or was altered."""
    if row[0] != position:
        raise LogBroken(f"缺少位置 {position} 的事件", f"there is no event at position {position}")
    try:
        return leaf_of_row(row)
    except MalformedRow as error:
        raise LogBroken(
            f"位置 {position} 的事件已损坏", f"the event at position {position} is malformed ({error})"
        ) from error
