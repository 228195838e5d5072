"""Who may read which service's events: from the rights tables, in whatever process the events are read."""

from __future__ import annotations

from collections.abc import Iterable

from services.chassis.auth import Principal, authorise, no_right
from services.chassis.errors import NotFound
from services.chassis.service import Service

READ_FEED, READ_FEED_TITLE = "ReadEvents", "读取事件"
"""The right that the event feed asks for, in the table of the service whose events are read."""


class FeedRights:
    """The services that publish events, in their given order, with their rights."""

    def __init__(self, services: Iterable[Service]) -> None:
        self._rights = {service.name: service.rights for service in services if service.events}

    def readable(self, principal: Principal) -> tuple[str, ...]:
        """The services whose events the principal may read; raises Forbidden where there is none."""
        found = tuple(name for name, rights in self._rights.items() if rights.scope(principal.role, READ_FEED))
        if not found:
            raise no_right(principal, READ_FEED, READ_FEED_TITLE)
        return found

    def require(self, service: str, principal: Principal) -> None:
        """Raises NotFound (it publishes none) or Forbidden."""
        if service not in self._rights:
            known = ", ".join(self._rights)
            raise NotFound(
                f"没有发布事件的服务 {service};有:{known}", f"no service {service} publishes events; there are: {known}"
            )
        authorise(self._rights[service], principal, READ_FEED, READ_FEED_TITLE)
