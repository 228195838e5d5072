"""The parts of one service's audit, in an order in which what is read first is contained in what is read after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import NamedTuple, Protocol

from sqlalchemy import select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DatabaseError

from services.chassis.bus.port import Source
from services.chassis.event_store import EventStore
from services.chassis.event_store.beginnings import beginnings
from services.chassis.event_store.schema import relays, tree_heads
from services.chassis.flow.checkpoint_check import behind, check_checkpoints
from services.chassis.flow.comparison import Comparison, check_roots
from services.chassis.flow.report import (
    FlowCode,
    FlowFindings,
    NoticeCode,
    ReactionFlow,
    ServiceFlow,
    TopicFlow,
    ViewFlow,
)
from services.chassis.flow.topic_index import TopicIndex
from services.chassis.flow.topics import Topics, read_topic
from services.chassis.flow.torn import tell_torn
from services.chassis.flow.view_check import ViewCheck, moment_of
from services.chassis.kafka.records import Own
from services.chassis.registry import EventRegistry
from services.chassis.service import Service
from services.chassis.sinks.database import Checkpoint, SinkDatabase
from services.chassis.truth.books import check_books
from services.chassis.truth.findings import Findings
from services.chassis.truth.snapshot import snapshot
from services.chassis.views.database import ViewDatabase
from services.chassis.views.live import LiveViews

Progress = Callable[[str, int, int], None]
"""Told what is in hand (`sample topic`, `sample store`, `sample views`), how much is done, how much there is."""


class Parts(Protocol):
    """What of a `Form` is audited."""

    def store(self, service: str) -> EventStore: ...

    def views(self, service: Service, store_id: str, registry: EventRegistry) -> LiveViews: ...

    def reactions(self, service: str) -> SinkDatabase: ...

    def topic_flaw(self, store: EventStore) -> str | None: ...


def relayed_position(store: EventStore) -> int:
    """Up to where all events are on the topic, as the relay knows: 0 when it never ran. A checkpoint of a former epoch
    says nothing of this one beyond its head."""
    with store.engine.connect() as connection:
        rows = connection.execute(select(relays.c.position)).fetchall()
    return min((row.position for row in rows), default=0)


class _Roots(NamedTuple):
    """Signed roots by size, of the store's newest epoch."""

    roots: dict[int, bytes]

    @classmethod
    def read(cls, connection: Connection, most: int) -> _Roots:
        """The newest one that covers at most so many events; an older epoch's may speak of events given up."""
        newest = select(tree_heads.c.epoch).order_by(tree_heads.c.epoch.desc()).limit(1).scalar_subquery()
        query = select(tree_heads.c.size, tree_heads.c.root).where(
            tree_heads.c.epoch == newest, tree_heads.c.size <= most
        )
        row = connection.execute(query.order_by(tree_heads.c.size.desc()).limit(1)).first()
        return cls({} if row is None else {row.size: bytes(row.root)})


class ServiceAudit:
    """The parts of one service's audit, in their order."""

    def __init__(
        self,
        form: Parts,
        service: Service,
        stores: Mapping[str, EventStore],
        registry: EventRegistry,
        topics: Topics | None,
        progress: Progress,
    ) -> None:
        self._form = form
        self._service = service
        self._stores = stores
        self._store = stores[service.name]
        self._registry = registry
        self._topics = topics
        self._progress = progress
        self._findings = FlowFindings(service.name)

    def run(self) -> ServiceFlow:
        views, reactions = self._views(), self._reactions()
        topic, stored = self._facts()
        return ServiceFlow(
            service=self._service.name,
            epoch=self._store.info.epoch,
            stored=stored,
            topic=topic,
            views=views,
            reactions=reactions,
            counts=self._findings.counts,
            findings=tuple(self._findings.listed),
            notices=tuple(self._findings.notices),
        )

    def _facts(self) -> tuple[TopicFlow | None, int]:
        if self._topics is None or not self._service.aggregates:  # who records nothing has no topic
            return None, self._compare(None, 0).stored
        relayed = relayed_position(self._store)
        info, step = self._store.info, self._step("topic")
        own = Own(self._service.name, info.store_id, info.partitions, info.epoch)
        begun = beginnings(self._store.engine)
        with closing(read_topic(self._topics, own, step, begun=begun)) as index:
            compared = self._compare(index, relayed)
            self._tell_order(index, relayed)
            self._tell_strays(index)
            self._tell_flaw(self._topics.name(own.service))
            flow = TopicFlow(
                records=index.records,
                repeats=index.repeats,
                early=index.early,
                foreign=index.strays,
                given_up=index.given_up,
                relayed=relayed,
                behind=max(0, compared.stored - relayed),
                present=compared.present,
                covered=self._covered,
            )
        return flow, compared.stored

    def _compare(self, index: TopicIndex | None, relayed: int) -> Comparison:
        comparison = Comparison(self._store.info, self._findings, None if index is None else index.rows(), relayed)
        self._covered = 0
        try:
            with snapshot(self._store) as connection:
                last = self._store.last_position()
                step = self._step("store")
                comparison.run(connection, lambda done: step(min(done, last), last))
                self._check_books(connection)
                tell_torn(connection, self._findings)
                if index is not None:
                    heads = _Roots.read(connection, index.newest)
                    self._covered = check_roots(index.rows(), heads.roots, self._findings)
        except DatabaseError as error:
            message, english = f"事件库无法读取({error.orig})", f"the store can't be read: {error.orig}"
            self._findings.add(FlowCode.UNREADABLE, "events", message, english)
        return comparison

    def _check_books(self, connection: Connection) -> None:
        found = Findings(self._service.name)
        check_books(connection, found)
        for each in found.listed:
            self._findings.add(FlowCode.STORE, each.place, each.message, each.english, position=each.position)

    def _tell_order(self, index: TopicIndex, relayed: int) -> None:
        for row in index.out_of_order(relayed):
            self._findings.add(
                FlowCode.REORDERED,
                f"position {row.position} ({row.id}, partition {row.partition} offset {row.first})",
                "该事件在主题中排在应在其后的事件之后,任何读者都无法按序读取",
                "the event stands behind one that must follow it: no reader can take them in order",
                position=row.position,
            )

    def _tell_flaw(self, topic: str) -> None:
        if (flaw := self._form.topic_flaw(self._store)) is not None:
            chinese, _, english = flaw.partition(" · ")
            self._findings.add(FlowCode.TOPIC, topic, chinese, english)

    def _tell_strays(self, index: TopicIndex) -> None:
        for stray in index.listed_strays:
            self._findings.notice(
                NoticeCode.FOREIGN,
                f"partition {stray.partition} offset {stray.offset}",
                "不是本平台的事件,读者会跳过",
                f"no event of ours, readers skip it: {stray.reason}",
            )
        if index.given_up:
            self._findings.notice(
                NoticeCode.GIVEN_UP,
                "topic",
                f"{index.given_up} 条记录属于恢复前的旧期,已被放弃",
                f"{index.given_up} records are of a former epoch and were given up when the store was put back",
            )

    def _views(self) -> tuple[ViewFlow, ...]:
        if not self._service.listens_to or not self._service.views:
            return ()
        with self._opened_views() as live:
            moment = moment_of(live)
        check = ViewCheck(self._service.views, self._registry, self._followed, self._findings)
        return check.run(moment, self._step("views"))

    @property
    def _followed(self) -> dict[str, EventStore]:
        return {name: self._stores[name] for name in self._service.listens_to}

    def _reactions(self) -> ReactionFlow | None:
        if not self._service.reactions:
            return None
        with closing(self._form.reactions(self._service.name)) as database:
            checkpoints, parked = database.read_checkpoints(), len(database.read_parked())
        check_checkpoints("reactions", checkpoints, self._followed, self._findings)
        self._check_ahead(checkpoints)
        return ReactionFlow(behind=behind(checkpoints, self._followed), parked=parked)

    def _check_ahead(self, checkpoints: Mapping[Source, Checkpoint]) -> None:
        heads = {name: store.last_position() for name, store in self._followed.items()}
        for (service, partition), at in sorted(checkpoints.items()):
            if at.position > heads.get(service, at.position):
                self._findings.add(
                    FlowCode.VIEW_AHEAD,
                    f"reactions {service}/{partition}",
                    f"反应已处理到 {at.position},事件库 {service} 只到 {heads[service]}",
                    f"reactions have gone up to {at.position}, the store of {service} reaches {heads[service]}",
                    position=at.position,
                )

    @contextmanager
    def _opened_views(self) -> Iterator[ViewDatabase]:
        views = self._form.views(self._service, self._store.info.store_id, self._registry)
        with closing(views):
            yield views.current

    def _step(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self._progress(f"{self._service.name} {what}", done, total)
