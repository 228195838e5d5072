"""Views as they stood at one moment, held against a replay from zero of exactly the facts that they had applied."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy.engine import Connection

from services.chassis.bus.port import Source
from services.chassis.envelope import Envelope
from services.chassis.event_store import EventStore
from services.chassis.flow.checkpoint_check import check_checkpoints
from services.chassis.flow.report import FlowCode, FlowFindings, NoticeCode, ViewFlow
from services.chassis.postgres.engine import UNHURRIED
from services.chassis.registry import EventRegistry, MalformedEvent, UnknownEventType
from services.chassis.sinks.database import Checkpoint
from services.chassis.sinks.sink import Batch, Poisoned, ViewSink
from services.chassis.views.database import ViewDatabase
from services.chassis.views.view import Received, ViewSpec

PAGE = 2000

Step = Callable[[int, int], None]
"""Told how many of how many facts were replayed."""


class Moment(NamedTuple):
    """Views at one moment: how far each source was applied, what was set aside of it, and the views' checksums."""

    checkpoints: Mapping[Source, Checkpoint]
    parked: frozenset[tuple[str, int]]
    streams: tuple[str, ...]
    sums: Mapping[str, str]


def moment_of(database: ViewDatabase) -> Moment:
    """All of it read in one snapshot, while others go on writing."""
    with one_moment(database) as connection:
        checkpoints = database.checkpoints.read(connection)
        table = database.parked
        parked = connection.execute(table.select().with_only_columns(table.c.service, table.c.position, table.c.stream))
        rows = parked.fetchall()
        sums = database.checksum(connection)
    places = frozenset((row.service, row.position) for row in rows)
    return Moment(checkpoints, places, tuple(sorted({row.stream for row in rows})), sums)


@contextmanager
def one_moment(database: ViewDatabase) -> Iterator[Connection]:
    """A connection on which all reads see the same state."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        else:
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
            connection.exec_driver_sql(UNHURRIED)
        yield connection
        connection.rollback()


class ViewCheck:
    """Audits the views of one service, which listens to these stores."""

    def __init__(
        self,
        views: Sequence[ViewSpec],
        registry: EventRegistry,
        stores: Mapping[str, EventStore],
        findings: FlowFindings,
    ) -> None:
        self._views = views
        self._registry = registry
        self._stores = stores
        self._findings = findings
        self._refused: set[str] = set()

    def run(self, moment: Moment, step: Step) -> tuple[ViewFlow, ...]:
        """Hold what was read against a replay; the stores are read after it, so they have all that it has."""
        self._notice_parked(moment)
        check_checkpoints("views", moment.checkpoints, self._stores, self._findings)
        with tempfile.TemporaryDirectory(prefix="bizenv-audit-") as folder:
            database = ViewDatabase(Path(folder) / "replay.sqlite", self._views, self._registry, durable=False)
            with closing(database):
                applied, behind = self._replay(database, moment, step)
                due = database.checksum()
        return tuple(self._verdict(name, moment, due[name], applied, behind) for name in due)

    def _notice_parked(self, moment: Moment) -> None:
        for stream in moment.streams:
            self._findings.notice(
                NoticeCode.PARKED,
                f"stream {stream}",
                "该流被搁置,不在视图中,见 bizenv parked list",
                "the stream is parked and not in the views, see bizenv parked list",
            )

    def _replay(self, database: ViewDatabase, moment: Moment, step: Step) -> tuple[int, int]:
        """Feed the facts up to the checkpoints; returns how many there are, and how many more lie behind."""
        sink = ViewSink("audit", database)
        heads = {name: store.last_position() for name, store in self._stores.items()}
        done = applied = 0
        for name, store in self._stores.items():
            for page in _pages(store, heads[name]):
                due = [envelope for envelope in page if _is_applied(envelope, moment)]
                applied += len(due)
                done += len(page)
                self._apply(sink, [envelope for envelope in due if (name, envelope.position) not in moment.parked])
                step(done, sum(heads.values()))
            self._check_ahead(name, store, heads[name], moment)
        return applied, done - applied

    def _check_ahead(self, name: str, store: EventStore, head: int, moment: Moment) -> None:
        for (service, partition), at in moment.checkpoints.items():
            epoch = store.info.epoch
            if service == name and (at.position > head or at.epoch > epoch):
                self._findings.add(
                    FlowCode.VIEW_AHEAD,
                    f"checkpoint {service}/{partition}",
                    f"视图已应用到 {at.position}(第 {at.epoch} 期),事件库 {name} 只到 {head}(第 {epoch} 期)",
                    f"the views have applied up to {at.position} of epoch {at.epoch}, the store of {name} reaches "
                    f"{head} of epoch {epoch}",
                    position=at.position,
                )

    def _apply(self, sink: ViewSink, envelopes: Sequence[Envelope]) -> None:
        """What the handlers refuse although it is not parked is told, and its stream left out from there."""
        while True:
            facts = [fact for envelope in envelopes if (fact := self._decoded(envelope)) is not None]
            try:
                sink.apply(Batch(facts))
                return
            except Poisoned as poison:
                self._refuse(poison.envelope, str(poison))

    def _decoded(self, envelope: Envelope) -> Received | None:
        if envelope.stream in self._refused:
            return None
        try:
            return Received(envelope, self._registry.decode(envelope.type, envelope.data))
        except (UnknownEventType, MalformedEvent) as error:
            self._refuse(envelope, str(error))
            return None

    def _refuse(self, envelope: Envelope, reason: str) -> None:
        self._refused.add(envelope.stream)
        self._findings.add(
            FlowCode.VIEW_DIFFERENT,
            f"position {envelope.position} ({envelope.id})",
            f"视图未搁置此事件,重放却不接受({reason})",
            f"the views have not parked this event, and a replay can't apply it ({reason})",
            position=envelope.position,
        )

    def _verdict(self, name: str, moment: Moment, due: str, applied: int, behind: int) -> ViewFlow:
        found = moment.sums.get(name, "")
        if found != due:
            self._findings.add(
                FlowCode.VIEW_DIFFERENT,
                f"view {name}",
                f"视图与从头重放 {applied} 个事件所得的不同,请运行 bizenv rebuild",
                f"the view is not what a replay of its {applied} facts makes: run bizenv rebuild",
            )
        return ViewFlow(
            view=name,
            equal=found == due,
            checksum=found,
            applied=applied,
            behind=behind,
            parked=len(moment.parked),
        )


def _is_applied(envelope: Envelope, moment: Moment) -> bool:
    at = moment.checkpoints.get((envelope.service, envelope.partition))
    return at is not None and envelope.position <= at.position


def _pages(store: EventStore, head: int) -> Iterator[list[Envelope]]:
    after = 0
    while after < head and (page := store.read(after, min(PAGE, head - after))):
        yield page
        after = page[-1].position
