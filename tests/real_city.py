"""A small real city with the shipped programme, opened in this process with its doors on free ports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from services.catalogue import SERVICES
from services.chassis.auth import Principal, Role
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.event_store import StoreKind
from services.chassis.forms.embedded import Embedded, create_city
from services.chassis.hosting.access import Access
from services.chassis.hosting.doors import Doors
from services.chassis.settings import Settings
from services.chassis.time.clock import SystemClock
from services.policy_registry.programme_files import load_programme

PROGRAMME = Path(__file__).parents[1] / "deploy" / "programmes" / "baoding-2017"
GROUP = Principal(account="wang", role=Role.CITY_GROUP)


@dataclass(frozen=True)
class RealCity:
    data: Path
    embedded: Embedded
    access: Access
    http: str
    grpc: str

    def do(self, command: Command) -> Receipt:
        """Carry out a command as the city group, and let everything that follows from it happen."""
        receipt = self.embedded.do(command, Call(principal=GROUP, deadline=Deadline.after(30)))
        self.embedded.settle()
        return receipt

    def token(self, role: Role = Role.CITY_GROUP, unit: str | None = None, days: float = 1) -> str:
        return self.access.token(Principal(account="wang", role=role, unit=unit), days)


@contextmanager
def real_city(data: Path) -> Iterator[RealCity]:
    """Programme and register are known; there is no project."""
    create_city(data, SERVICES, StoreKind.REAL, PROGRAMME.name)
    settings = Settings(data=data, http_port=0, grpc_port=0, metrics_port=0, shutdown_grace_seconds=1)
    with closing(Embedded(data, SERVICES, settings, SystemClock(), durable=False)) as opened:
        access = Access.of(data, opened.info.store_id)
        doors = Doors(opened, access, settings, [], list)
        doors.start()
        city = RealCity(data, opened, access, f"http://127.0.0.1:{doors.http.port}", f"127.0.0.1:{doors.grpc.port}")
        try:
            for order in load_programme(PROGRAMME):
                opened.do(order, Call(principal=GROUP, deadline=Deadline.after(30)))
            opened.settle()
            yield city
        finally:
            doors.stop()
