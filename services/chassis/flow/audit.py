"""The audit of the flow: event store, topic and views of each service, held against each other while all go on.

What is read first is contained in what is read after it, so that a verdict is sound under load: how far the relay has
come, then the ends of the topic (which hold all that), then one snapshot of the store (which holds all that is on the
topic). The views' checkpoints and rows are one snapshot too, and the facts up to there are read after it.

It does not tell that an event was altered alike in store and topic before any head was signed over it: `audit verify`
says what the signed heads vouch for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing

from services.chassis.flow.report import FlowReport
from services.chassis.flow.service_audit import Parts, Progress, ServiceAudit
from services.chassis.flow.topics import Topics
from services.chassis.registry import EventRegistry
from services.chassis.service import Service


def _silent(_what: str, _done: int, _total: int) -> None:
    """Tells nobody."""


def audit_flow(
    form: Parts,
    services: Sequence[Service],
    registry: EventRegistry,
    topics: Topics | None,
    *,
    only: str | None = None,
    progress: Progress = _silent,
) -> FlowReport:
    """Audit the services of a city, or `only` one of them; `topics` is None where the event tables are the bus.

    Reads every record of the topics once and every event twice; memory does not grow with them. Raises StoreUnusable,
    SQLAlchemyError or Unavailable when a store, a view's database or the topics can't be read at all.
    """
    with ExitStack() as opened:
        stores = {service.name: opened.enter_context(closing(form.store(service.name))) for service in services}
        chosen = [service for service in services if only in (None, service.name)]
        audits = [ServiceAudit(form, service, stores, registry, topics, progress) for service in chosen]
        return FlowReport(tuple(audit.run() for audit in audits))
