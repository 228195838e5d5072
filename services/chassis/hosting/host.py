"""One service as it lives in a process: its store, views, command bus, consumer and calendar."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.consumer import Consumer
from services.chassis.bus.intake import Intake
from services.chassis.bus.port import Bus, Source
from services.chassis.bus.unheld import LOOK_SECONDS as UNHELD_SECONDS
from services.chassis.commanding.command_bus import CommandBus
from services.chassis.commanding.gateway import Receipt
from services.chassis.event_store import EventStore
from services.chassis.hosting.followers import Followers
from services.chassis.hosting.job import Job, Turns
from services.chassis.hosting.loop_thread import LoopThread
from services.chassis.hosting.outflow import Outflow
from services.chassis.hosting.passing_time import PassDay
from services.chassis.hosting.readiness import Patience
from services.chassis.reactions.reacting import OwnCommands, ShownFirst
from services.chassis.reactions.sink import ReactionSink
from services.chassis.registry import EventRegistry
from services.chassis.service import Service, with_calendar
from services.chassis.settings import Settings
from services.chassis.sinks.astray import mend_checkpoints
from services.chassis.sinks.database import ParkedFact, SinkDatabase
from services.chassis.sinks.sink import PASSING, Sink
from services.chassis.telemetry.logs import logger
from services.chassis.time.clock import Clock
from services.chassis.views.live import LiveSink, LiveViews
from services.chassis.views.renewal import ViewRenewal
from services.chassis.views.shared_renewal import renewal_of

log = logger(__name__)

REACTIONS_DAMAGED = (
    "反应进度已损坏,请与事件库一起从备份恢复 · how far reactions got is damaged: restore it from a backup"
)


DAY_CHECK_SECONDS = 1.0
"""How often a service asks whether a day has passed."""


class ServiceHost:
    """Puts a service together from its parts, which it owns from then on. `ordered` carries out a reaction's commands
    one after another, so that a rehearsal is the same each time; else they share commits."""

    def __init__(
        self,
        service: Service,
        store: EventStore,
        views: LiveViews,
        reactions: SinkDatabase,
        registry: EventRegistry,
        clock: Clock,
        settings: Settings,
        loop: LoopThread,
        *,
        ordered: bool = False,
    ) -> None:
        self.service = with_calendar(service)
        self.store = store
        self.views = views
        self._reactions = reactions
        self._registry = registry
        self._clock = clock
        self._settings = settings
        self.followers = Followers(service.name)
        awaited = self.followers.awaited
        self.bus = CommandBus(self.service, store, registry, views, clock, settings.command_queue, awaited)
        self.outflow = Outflow(store)
        self.own = OwnCommands(service.name, self.bus, loop, ordered=ordered)
        self.renewal: ViewRenewal
        """There once it is connected, for whoever has a consumer."""
        self._turns: dict[str, Turns] = {}
        self._last_day: date | None = None
        self._patience = Patience()
        """With a bus that is elsewhere: while it is away for a moment."""

    def connect(self, bus: Bus) -> None:
        """Subscribe to the topics it listens to; a service that listens to none has no consumer."""
        if not self.service.listens_to:
            return
        sink = LiveSink(self.service.name, self.views, self.views.current)
        consumer = self._consumer(bus, sink, build=self.views.build)
        self.followers.views = consumer
        self.views.on_wanted(consumer.subscription.wake)
        self.renewal = renewal_of(self.service, self.views, bus, consumer, self.intake)
        if self.service.reactions:
            self.followers.reactions = self._consumer(bus, self._reaction_sink())

    def _consumer(self, bus: Bus, sink: Sink, build: str = "") -> Consumer:
        batch = self._settings.consumer_batch
        return Consumer(sink.name, bus, self.service.listens_to, [self.intake(sink)], batch=batch, build=build)

    def intake(self, sink: Sink) -> Intake:
        """A sink's side of a consumer, as this service is set."""
        return Intake(sink, self._registry, self._clock.now, self._settings.park_limit)

    def _reaction_sink(self) -> ReactionSink:
        name = f"{self.service.name}.reactions"
        return ReactionSink(
            name,
            self._reactions,
            self.service.reactions,
            self.views,
            self.own.dispatch,
            self.bus.stream_of,
            ShownFirst(self.views, self.store).ready,
        )

    def jobs(self, idle_seconds: float) -> dict[str, Turns]:
        """The work of this service, by name; whoever does it calls this once."""
        found = self.outflow.jobs()
        self.followers.begin(self.service.listens_to)
        if self.followers.views is not None:
            found["follow"] = Job(partial(self.turn, idle_seconds))
        if self.followers.reactions is not None:
            found["react"] = Job(partial(self.followers.turn, self.followers.reactions, idle_seconds))
        if self.outflow.on_servers:
            found["watch_groups"] = Job(self.followers.look_at_groups, UNHELD_SECONDS)
        if self.service.keeps_calendar:
            found["pass_days"] = Job(self.look_at_the_day, DAY_CHECK_SECONDS)
        self._turns = {name: Turns(name, job) for name, job in found.items()}
        return self._turns

    def turn(self, idle_seconds: float) -> None:
        """One turn of the views' consumer, and what the views need after it."""
        assert self.followers.views is not None
        self.followers.turn(self.followers.views, idle_seconds)
        self.renewal.step()

    def go_on_after_restore(self, store: EventStore) -> None:
        """A store that it listens to was put back from a backup: build the views anew, and let the reactions go on in
        the new epoch behind what they had seen of the facts that are kept. Nothing is sent."""
        head = store.last_position()
        seen = {p: at.offset for (name, p), at in self._reactions.read_checkpoints().items() if name == store.service}
        offsets = {partition: min(offset, head) for partition, offset in seen.items()}
        places = {p: (store.previous_in_partition(p, offset + 1), offset) for p, offset in offsets.items()}
        self._reactions.go_on_after_restore(store.service, store.info.epoch, places, head)
        self.renewal.rebuild()

    def mend_reactions(self, stores: Mapping[str, EventStore]) -> Mapping[Source, tuple[int, int]]:
        """Let the reactions go on where they say that they have seen what is no event of the partition; returns from
        which position to which they were set back. Whoever reacts takes it up within a quarter of an hour."""
        followed = {name: stores[name] for name in self.service.listens_to}
        return mend_checkpoints(self._reactions, followed) if self.service.reactions else {}

    def parked(self) -> list[ParkedFact]:
        """What its views and reactions have set aside, in order."""
        return [*self.views.current.read_parked(), *self._reactions.read_parked()]

    def retry_parked(self, stream: str | None) -> int:
        """Ask whoever consumes to try parked streams again (all, or one); returns how many facts wait."""
        return self.views.current.request_retry(stream) + self._reactions.request_retry(stream)

    def behind(self) -> Mapping[str, int]:
        """Per topic, how many facts its views have not read yet."""
        return self.followers.behind({at: place.offset for at, place in self.views.current.read_checkpoints().items()})

    def pass_days(self) -> Receipt | None:
        """Record the days that have passed since the last one recorded; None: there is nothing to do yet."""
        yesterday = self._clock.today() - timedelta(days=1)
        if not self.service.keeps_calendar or self._last_day == yesterday or self.store.refuses:
            return None
        command = PassDay(service=self.service.name, day=yesterday)
        receipt = self.own.do(command)
        self._last_day = yesterday
        return receipt

    def look_at_the_day(self) -> None:
        """`pass_days`, unless something is in its way that passes by itself (database away, overload): then later."""
        try:
            self.pass_days()
        except (SQLAlchemyError, *PASSING) as error:
            log.warning("days wait", service=self.service.name, reason=str(error))

    @property
    def trouble(self) -> str | None:
        """Why this service is not ready, the gravest first; None when it is."""
        if (fault := self.fault) is not None:
            return fault
        found = self.outflow.database_trouble or self._trouble_of_views() or self._lasting_trouble_of_bus()
        found = found or next((each.trouble for each in self._turns.values() if each.trouble is not None), None)
        return None if found is None else self._named(found)

    @property
    def fault(self) -> str | None:
        """What is wrong with the facts or their log, which no waiting mends; None: nothing."""
        if self.outflow.fault is not None:
            return self.outflow.fault
        return None if self.store.trouble is None else self._named(self.store.trouble)

    def _named(self, trouble: str) -> str:
        return f"{self.service.name}:{trouble}"

    def _trouble_of_views(self) -> str | None:
        if self._reactions.damage is not None:
            return REACTIONS_DAMAGED
        if self.views.current.damage is not None:
            return "视图文件已损坏,正在重建 · the views are damaged and are being built anew"
        return self.followers.failure

    def _lasting_trouble_of_bus(self) -> str | None:
        found = self._trouble_of_bus()
        if found is None:
            self._patience.well()
        return None if self._bears_bus else found

    @property
    def _bears_bus(self) -> bool:
        return self.outflow.on_servers and not self._patience.at_an_end

    def _trouble_of_bus(self) -> str | None:
        """Why facts don't come or go on; None: they do, and what there was at the start has been read."""
        return self.followers.waits_for or self.outflow.bus_trouble or self.followers.catching_up

    @property
    def notices(self) -> list[str]:
        """What somebody should look at although the service is ready."""
        more = (self.outflow.notice, self._trouble_of_bus() if self._bears_bus else None)
        return [self._named(each) for each in (*self.followers.notices, *more) if each is not None]

    def close(self) -> None:
        self.followers.stop()
        self.outflow.close()
        self.views.close()
        self._reactions.close()
        self.store.close()
