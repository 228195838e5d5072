"""How large an event may be: no larger than what a topic takes, for nothing that was recorded may stay unsent."""

from __future__ import annotations

import msgspec

from services.chassis.domain import Event
from services.chassis.envelope import LARGEST_EVENT_BYTES
from services.chassis.errors import TooLarge, Violation


def require_size(event: Event, data: bytes, largest: int = LARGEST_EVENT_BYTES) -> None:
    """Raise TooLarge, which names the event's largest field, for data of more than so many bytes."""
    if len(data) <= largest:
        return
    sizes = {name: len(msgspec.json.encode(value)) for name, value in msgspec.structs.asdict(event).items()}
    field = max(sizes, key=sizes.__getitem__)
    violation = Violation(
        field,
        f"占 {sizes[field]} 字节;一个事件的全部内容不得超过 {largest} 字节",
        f"takes {sizes[field]} bytes; all of an event may take no more than {largest}",
    )
    raise TooLarge(
        f"要记录的事件({len(data)} 字节)超过 {largest} 字节,未保存",
        f"the event to be recorded takes {len(data)} bytes, more than {largest}; nothing was recorded",
        (violation,),
    )
