"""Serve the cockpit over a rehearsed city for looking at it: `python -m tests.e2e.preview FOLDER PORT`.

Makes the rehearsal in the folder when it is missing, then prints a log-in link for a leader, a member of the city
group and a clerk each.
"""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.forms.embedded import Embedded, city_exists
from services.chassis.hosting.access import Access
from services.chassis.hosting.doors import Doors
from services.chassis.hosting.serving import serve
from services.chassis.settings import Settings
from services.chassis.time.clock import SetClock
from services.projection.cockpit import cockpit_routes
from services.rehearsal import rehearse

PROGRAMME = Path(__file__).parents[2] / "deploy" / "programmes" / "baoding-2017"
UNTIL = date(2017, 9, 29)
WHO = (
    Principal(account="mayor", role=Role.LEADER),
    Principal(account="group", role=Role.CITY_GROUP),
    Principal(account="clerk", role=Role.UNIT_STAFF, unit="130609"),
)


def main(data: Path, port: int) -> None:
    settings = Settings(data=data, http_port=port, grpc_port=0, metrics_port=0)
    if not city_exists(data):
        rehearse(data, PROGRAMME, UNTIL, 1, settings, lambda *_: None)
    clock = SetClock(datetime(2017, 9, 29, 10, tzinfo=UTC))
    clock.continue_from(datetime(2017, 9, 29, 10, tzinfo=UTC))
    with closing(Embedded(data, SERVICES, settings, clock, durable=False)) as city:
        access = Access.of(data, city.info.store_id)

        pages = cockpit_routes(city.gateway, access, clock, settings, city.info, city.services)

        def announce(doors: Doors) -> None:
            for who in WHO:
                code = access.logins.create(who, datetime.now(UTC))
                print(f"{who.role.value} http://127.0.0.1:{doors.http.port}/login?code={code}", flush=True)  # noqa: T201

        serve(city, access, settings, pages, announce)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
