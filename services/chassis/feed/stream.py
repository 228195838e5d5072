"""The event feed for systems without Kafka: the same facts in the same order, read page by page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Protocol

import msgspec

from services.chassis.auth import Principal
from services.chassis.domain import Name
from services.chassis.envelope import Envelope
from services.chassis.errors import InvalidRequest, Violation

PAGE = 500
"""Events in a page where the reader names no limit."""
LARGEST_PAGE = 1000
LARGEST_POSITION = 2**53 - 1

_POSITION = "a position in the service's store; 0 is before its first event"
Position = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_POSITION, description=_POSITION)]
Limit = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_PAGE)]
Utc = Annotated[datetime, msgspec.Meta(tz=True)]


class ReadEvents(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Read one service's recorded events in the order of their positions.

    Ask again with `after` set to the position of the last event received. A change of `epoch` says that the store
    was restored: begin again from 0; so does the refusal of an `after` that the store has not reached. A position
    means something in one service only, so `service` is needed here; `GET /v1/events` reads all services at once.
    """

    service: Name
    after: Position = 0
    limit: Limit | None = None


class FeedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded event. `source` and `id` together are unique; `data` is the exact JSON of the fact."""

    id: str
    source: str
    type: str
    subject: str
    time: Annotated[Utc, msgspec.Meta(description="when it was recorded")]
    occurred_on: Annotated[date, msgspec.Meta(description="when it happened (a day of Asia/Shanghai)")]
    actor: str
    epoch: int
    position: int
    partition: int
    previous: Annotated[int, msgspec.Meta(description="position of the event before it in its partition; 0: none")]
    version: Annotated[int, msgspec.Meta(description="its place in its stream, from 1")]
    command_id: str
    command_hash: bytes
    correlation_id: str
    causation_id: str
    traceparent: str | None = None
    data: bytes
    store_id: Annotated[str, msgspec.Meta(description="the city's: all its stores bear it, those of no other city do")]


class Feed(Protocol):
    """Recorded events in order; raises Forbidden, NotFound (no such service), InvalidRequest (`after`) and the other
    request errors."""

    def services(self, principal: Principal) -> tuple[str, ...]:
        """The services whose events the principal may read, in a fixed order; Forbidden where there is none."""
        ...

    async def read(
        self, service: str, after: int, limit: int, principal: Principal, bearer: str | None = None
    ) -> list[tuple[Envelope, int]]:
        """At most `limit` events with positions above `after`, each with its partition's previous position.

        `bearer` is the reader's own token, by which another process checks the right for itself.
        Returns at once; an empty list says that there is nothing newer now. A position that the store has not reached
        is refused (`beyond_end`): no reader was ever given it by the store as it is.
        """
        ...


def beyond_end(service: str, after: int, last: int) -> InvalidRequest:
    """The refusal of a position above the store's last one."""
    message = f"位置 {after} 超出 {service} 的末尾 {last},事件库可能做过恢复:请比对事件的 epoch,并从头重新读取"
    english = (
        f"position {after} is beyond the end of {service} ({last}): the store was perhaps restored; "
        "compare the events' `epoch` and begin again from 0"
    )
    return InvalidRequest(Violation("after", message, english))
