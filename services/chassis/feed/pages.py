"""Pages of the event feed over HTTP: of one service, or of all that the reader may read, with a cursor of both."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Annotated

import msgspec

from services.chassis.auth import Principal
from services.chassis.domain import Name
from services.chassis.envelope import Envelope
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.feed.stream import LARGEST_POSITION, PAGE, Feed, Limit

_AFTER = "`Bizenv-Next` of the last page, as it is; with `service` also a position. Without it: from the beginning."
After = Annotated[str, msgspec.Meta(max_length=1000, description=_AFTER)]
_BEGINNING = ("", "0")
_PART = re.compile(r"([a-z_]{1,64}):(\d{1,16})", re.ASCII)
_POSITION = re.compile(r"\d{1,16}", re.ASCII)


class ReadFeed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Read recorded events page by page: of one `service`, or of all services whose events you may read.

    Each service's events come in the order of their positions; across services no order is promised. `Bizenv-Next`
    and `Link` say where the next page begins, also after an empty page, which says that there is nothing newer now.
    A change of `epoch` says that the store was restored: begin again; so does the refusal of an `after` that a store
    has not reached.
    """

    service: Name | None = None
    after: After = "0"
    limit: Limit | None = None


@dataclass(frozen=True)
class FeedPage:
    """Events, each with the position before it in its partition, and the `after` of the next page."""

    events: list[tuple[Envelope, int]]
    after: str


async def read_page(feed: Feed, asked: ReadFeed, principal: Principal, bearer: str | None = None) -> FeedPage:
    """At most `limit` events; raises InvalidRequest (`after`), Forbidden and NotFound."""
    limit = asked.limit or PAGE
    if asked.service is not None:
        start = _position(asked.after)
        events = await feed.read(asked.service, start, limit, principal, bearer)
        return FeedPage(events, str(events[-1][0].position if events else start))
    places = _places(asked.after, feed.services(principal))
    pages = await asyncio.gather(*(feed.read(name, after, limit, principal, bearer) for name, after in places.items()))
    events = list(islice(merge(*pages, key=lambda event: event[0].recorded_at), limit))
    return FeedPage(events, _cursor({**places, **{each.service: each.position for each, _ in events}}))


def _position(text: str) -> int:
    if text in _BEGINNING:
        return 0
    if not _POSITION.fullmatch(text) or int(text) > LARGEST_POSITION:
        raise InvalidRequest(Violation("after", "应为位置(从 0 起的整数)", "must be a position, a whole number from 0"))
    return int(text)


def _places(text: str, services: Iterable[str]) -> dict[str, int]:
    """The position of each service in a cursor; of one that it does not name, the beginning."""
    places = dict.fromkeys(services, 0)
    for part in () if text in _BEGINNING else text.split(","):
        found = _PART.fullmatch(part)
        if found is None or found[1] not in places:
            rule = "must be Bizenv-Next of the last page, or left out; for a position name its service"
            raise InvalidRequest(Violation("after", "应为上一页的 Bizenv-Next,或不填;填位置时须注明 service", rule))
        places[found[1]] = _position(found[2])
    return places


def _cursor(places: Mapping[str, int]) -> str:
    return ",".join(f"{service}:{position}" for service, position in sorted(places.items()))
