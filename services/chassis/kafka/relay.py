"""The relay: brings what a store records to its topic, in order and at least once; positions make it exactly once.

One process leads by a lease. It sends from the checkpoint on, each record naming its partition's previous position,
waits until all replicas have acknowledged, then moves the checkpoint. After any failed or uncertain send it gives up
the producer and begins again at the checkpoint. A process that was overtaken moves nothing; what it still sends
comes twice or late, and consumers drop it. One to which Kafka alone is away lets another process lead.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.lag import LatelyAsked
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.kafka.cluster import Cluster
from services.chassis.kafka.course import SILENCE_SECONDS, Course, Overtaken, Sends
from services.chassis.kafka.cut_off import PATIENCE_SECONDS, CutOff
from services.chassis.kafka.relay_topic import RelayTopic
from services.chassis.kafka.sender import Sender, TooLarge
from services.chassis.kafka.topics import TopicShape
from services.chassis.leadership import Leadership
from services.chassis.leases import Lease, RelayPlace
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS

log = logger(__name__)

BUSY_SECONDS = 0.002
IDLE_SECONDS = 0.1
"""Between two looks at the store: at first, and after a while without news (appends of this process are told)."""

LONGEST_PAUSE_SECONDS = 5.0
STOP_SECONDS = 5.0
"""How long a relay that stops waits for what it has sent."""


class Producing(Sends, Protocol):
    """A `Sender`, as the relay uses it."""

    def close(self, seconds: float) -> None: ...

    def abandon(self) -> None: ...


class Relay:
    """The relay of one store. Every method but `wake` is for one thread at a time."""

    def __init__(
        self,
        store: EventStore,
        lease: Lease,
        place: RelayPlace,
        cluster: Cluster,
        shape: TopicShape,
        open_sender: Callable[[str, int], Producing] | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """`open_sender` is given the topic and its largest record's bytes."""
        self.trouble: str | None = None
        """Why nothing goes on although we lead; None: it does, or another process leads."""
        self.begun = False
        """Whether it has ever been on its course, or seen that another process leads."""
        self.leadership = Leadership(lease)
        self._store = store
        self._place = place
        self._topic = RelayTopic(store, place, cluster, shape, self.leadership.renewal_seconds)
        self._cut_off = CutOff(patience_seconds)
        self._shape = shape
        self._open_sender = open_sender or (lambda topic, largest: Sender(cluster.access, topic, largest))
        self._sender: Producing | None = None
        self._course: Course | None = None
        self._resume_at = 0.0
        self._pause = 0.0
        self._idle = BUSY_SECONDS
        self._overtaken = False
        self._resting = threading.Event()
        self._news = threading.Event()
        store.on_append(self._news.set)
        METRICS.relay_lag.labels(store.service).set_function(
            LatelyAsked(self._topic.lag, name=f"{store.service} relay lag")
        )
        self._tell(0)

    @property
    def leads(self) -> bool:
        """Whether this process holds the lease, as far as it knows."""
        return self.leadership.owner_epoch is not None

    def wake(self) -> None:
        """Let a waiting step look at the store at once (from any thread)."""
        self._news.set()

    def step(self) -> int:
        """Send what there is and take note of what was acknowledged; returns how many events that was. Waits a moment
        when there is nothing to do, so that steps may follow each other."""
        try:
            if self._rests():
                return 0
            if self._leads_in_vain():
                self._hand_over()
            return self._work() if self._lead() else 0
        except (Unavailable, TooLarge, Overtaken, SQLAlchemyError) as error:
            self._overtaken = isinstance(error, Overtaken)
            self._begin_again(error)
        except BaseException:
            self._give_up()  # what of the page in hand was sent is not known
            raise
        return 0

    def _rests(self) -> bool:
        """Whether the pause after a failure still lasts."""
        left = self._resume_at - time.monotonic()
        if left > 0:
            self._resting.wait(min(left, IDLE_SECONDS))
            self.leadership.keep()
        return left > 0

    def _lead(self) -> bool:
        """Whether we hold the lease, and the store is fit to be sent from; else wait a moment."""
        if self._overtaken:  # whoever set the checkpoint back took our owner epoch's right to it: lead anew
            self.leadership.leave()
            self._overtaken = False
        led = self.leads
        if self._store.trouble is None and not self._store.refuses and self.leadership.gain():
            if not led:
                self._cut_off.went_through()
                log.info("relay leads", service=self._store.service, owner_epoch=self.leadership.owner_epoch)
            return True
        if led:
            log.warning("relay leads no more", service=self._store.service)
        self._give_up()
        if not self.leadership.stands_aside:
            self.trouble, self.begun = None, True
        self._resting.wait(IDLE_SECONDS)
        return False

    def _leads_in_vain(self) -> bool:
        """Whether for its whole patience nothing went through of what there is to send: to us Kafka is away, and the
        database, by which others see that we lead, is not."""
        return self.leads and self._cut_off.lasts and (self._unacknowledged > 0 or self._topic.lag() > 0)

    def _hand_over(self) -> None:
        log.warning("relay hands over", service=self._store.service, reason=self.trouble)
        self._give_up()
        self._cut_off.went_through()
        self.leadership.stand_aside()

    @property
    def _unacknowledged(self) -> int:
        return self._course.unacknowledged if self._course is not None else 0

    def _work(self) -> int:
        course = self._course or self._begin()
        sent = course.send_page()
        self._topic.look_around(course.reached)
        passed = course.settle(0.0 if sent else self._idle)
        self._note(course, passed)
        if sent or passed:
            self._idle = BUSY_SECONDS
        elif not course.unacknowledged:
            self._news.wait(self._idle)
            self._news.clear()
            self._idle = min(2 * self._idle, IDLE_SECONDS)
        return passed

    def _begin(self) -> Course:
        """A producer, and the checkpoint to go on from."""
        owner_epoch = self.leadership.owner_epoch or 0
        start = self._topic.take(owner_epoch)
        self._sender = self._open_sender(self._topic.name, self._shape.largest_record_bytes)
        self._course = Course(self._store, self._sender, self._place, owner_epoch, start)
        self.begun = True
        log.info("relay begins", service=self._store.service, position=start, owner_epoch=owner_epoch)
        return self._course

    def _note(self, course: Course, passed: int) -> None:
        self._pause = 0.0 if passed else self._pause
        if passed or not course.unacknowledged:
            self._cut_off.went_through()
        else:
            self._cut_off.tried()
        silent = course.silent_seconds
        if self._topic.unreachable is not None:
            self.trouble = self._topic.unreachable
        elif silent >= SILENCE_SECONDS:
            self.trouble = f"Kafka {silent:.0f} 秒未确认事件 · Kafka acknowledged no event for {silent:.0f} s"
        elif passed or not course.unacknowledged:
            self.trouble = None
        METRICS.relayed.labels(self._store.service).inc(passed)
        self._tell(course.unacknowledged)

    def _tell(self, unacknowledged: int) -> None:
        service = self._store.service
        METRICS.relay_leader.labels(service).set(float(self.leads))
        METRICS.relay_unacknowledged.labels(service).set(unacknowledged)

    def _begin_again(self, error: Exception) -> None:
        """From the checkpoint, with another producer, after a pause that grows."""
        self._pause = min(max(2 * self._pause, 0.1), LONGEST_PAUSE_SECONDS)
        self._resume_at = time.monotonic() + self._pause
        self.trouble = str(error)
        if isinstance(error, Unavailable):
            self._cut_off.tried()
        METRICS.relay_restarts.labels(self._store.service).inc()
        log.warning("relay begins again", service=self._store.service, seconds=self._pause, reason=str(error))
        self._give_up()

    def _give_up(self) -> None:
        sender, self._sender, self._course = self._sender, None, None
        if sender is not None:
            sender.abandon()
        self._tell(0)

    def stop(self) -> None:
        """Wait some seconds for what was sent, move the checkpoint and let others lead at once."""
        self._store.forget(self._news.set)
        METRICS.relay_lag.remove(self._store.service)
        try:
            self._finish()
            self.leadership.leave()
        except (Unavailable, TooLarge, Overtaken, SQLAlchemyError) as error:
            log.warning("relay stops before its end", service=self._store.service, reason=str(error))
        self._give_up()

    def _finish(self) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        while (course := self._course) is not None and course.unacknowledged and time.monotonic() < deadline:
            METRICS.relayed.labels(self._store.service).inc(course.settle(IDLE_SECONDS))
            self.leadership.keep()
        if self._sender is not None and course is not None and not course.unacknowledged:
            sender, self._sender = self._sender, None
            sender.close(STOP_SECONDS)
