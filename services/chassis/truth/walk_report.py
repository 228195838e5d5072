"""What the walk over all events comes upon, in words: which event, which node, which gap, which root."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.engine import Connection

from services.chassis.event_store.schema import events
from services.chassis.truth.findings import Code, Findings
from services.chassis.truth.merkle import Address


class WalkReport:
    """Adds to the findings; `connection` is asked for the stream of an event of which only the position is known."""

    def __init__(self, connection: Connection, findings: Findings) -> None:
        self._connection = connection
        self._findings = findings

    def event(self, code: Code, position: int, message: str, english: str, stream: str | None = None) -> None:
        """Something is wrong with the event at this position."""
        if stream is None:
            stream = self._connection.execute(select(events.c.stream).where(events.c.position == position)).scalar()
        self._findings.add(code, f"position {position}", message, english, position=position, stream=stream)

    def more(self, code: Code, count: int) -> None:
        """So many of this kind beside those that were named."""
        self._findings.count(code, count)

    def node(self, address: Address, message: str, english: str) -> None:
        """Something is wrong with a node of the log."""
        place = f"merkle_nodes {address.level}/{address.number}"
        self._findings.add(Code.MERKLE_NODE, place, f"日志节点{message}", f"the log's node {english}")

    def gap(self, first: int, last: int) -> None:
        """No events stand at these positions."""
        self._findings.add(
            Code.EVENT_MISSING,
            f"position {first}" if first == last else f"positions {first}-{last}",
            f"缺少 {last - first + 1} 个事件",
            f"{last - first + 1} events are missing",
            position=first,
        )

    def root(self, agreed: int, size: int) -> None:
        """Neither tree gives the signed root of this size; the last that one of them gave was of size `agreed`."""
        self._findings.add(
            Code.HEAD_ROOT,
            f"positions {agreed + 1}-{size}",
            f"事件和日志都与 {size} 条的签名树头不符,其后无法再核对",
            f"neither events nor log give the signed root of size {size}; what follows cannot be told apart",
            position=agreed + 1,
        )
