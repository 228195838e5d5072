"""Views that several processes answer from and feed together, and how all of them come to a new generation.

A rebuild fills generation m beside the live n and points to it. Each process that feeds n then feeds m as well, m
first, and says so. When everybody who feeds n feeds m, and m has reached in every partition what n shows, nothing can
be in n that m lacks, and each process by itself answers from m. n is fed on while anybody still answers from it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.port import Source
from services.chassis.errors import Unavailable
from services.chassis.registry import EventRegistry
from services.chassis.sinks.database import Checkpoint
from services.chassis.telemetry.logs import logger
from services.chassis.views.database import LOOK_SECONDS, OVERDUE_SECONDS, ViewDatabase
from services.chassis.views.generation_schemas import ANSWERS, FEEDS, GenerationSchemas
from services.chassis.views.live import LiveViews
from services.chassis.views.view import ViewSpec

log = logger(__name__)

IDLE_SECONDS = 0.1
"""Between two looks whether readers ask again."""

SWEEPS = 10
"""Within the time after which an unused generation is dropped."""

CLOSE_SECONDS = 5.0
"""How long `close` waits for its thread, which may be asking a server that stands still."""


@dataclass(frozen=True)
class Pace:
    """In seconds. `look`: between two looks at the checkpoints while somebody waits. `beat`: between two words on what
    is used, and two looks at the pointer. `gone`: a process that said nothing for so long uses nothing. `drop`: a
    generation that nobody used for so long is dropped."""

    look: float = 0.01
    beat: float = 1.0
    gone: float = 5.0
    drop: float = 60.0


class SharedViews(LiveViews):
    """The generations of one service's views as one of several processes has them; a Reader of whichever answers.

    A thread of its own looks after them until `close`. `fed` is for the consumer, where this process has one.
    """

    _generations: GenerationSchemas

    def __init__(
        self,
        generations: GenerationSchemas,
        store_id: str,
        views: Sequence[ViewSpec],
        registry: EventRegistry,
        pace: Pace | None = None,
    ) -> None:
        self._schemas = generations
        self._pace = pace or Pace()
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self._waiting = 0
        self._steps = 0
        self._sweep_at = 0.0
        self._closed = False
        self._coming: tuple[int, ViewDatabase] | None = None
        self._leaving: tuple[int, ViewDatabase] | None = None
        self._unfit = 0
        self._refused_until = 0.0
        self._feeding: tuple[int, ...] = ()
        super().__init__(generations, store_id, views, registry)
        self.current.overdue_seconds = OVERDUE_SECONDS
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)
        self._thread.start()

    def fed(self) -> dict[int, ViewDatabase]:
        """The generations that a consumer of this process is to feed, by number, the newest first."""
        with self._lock:
            current = (self.number, self.current)
            return dict(each for each in (self._coming, current, self._leaving) if each is not None)

    def feeding(self, numbers: Sequence[int]) -> None:
        """Say that this process feeds these generations from now on; before its first fact for any of them."""
        self._schemas.say(self.number, numbers)
        self._feeding = tuple(numbers)

    def refuse(self, number: int) -> None:
        """This generation cannot be fed: go on without it for a while."""
        with self._lock:
            if self._coming is not None and self._coming[0] == number:
                self._refused_until = time.monotonic() + self._pace.gone
                self._give_up_coming()

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1

    def look(self) -> None:
        """See how far other processes have come."""
        database = self.current
        self.advance(database, database.look())

    def advance(self, database: ViewDatabase, moved: Mapping[Source, Checkpoint]) -> None:
        """As for any views; what was read a moment ago takes nothing back."""
        with self._lock:
            if database is not self.current:
                return
            further = {source: at for source, at in moved.items() if _reached(self.checkpoints.get(source), at)}
            if further:
                super().advance(database, further)

    def step(self) -> None:
        """Say what is used, and take the next step towards the generation that is pointed to."""
        self._schemas.say(self.number, self._feeding)
        with self._lock:
            self._find_coming()
            if self._coming is not None:
                self._try_swap(*self._coming)
            if self._leaving is not None and not self._schemas.others(self._leaving[0], ANSWERS, self._pace.gone):
                self._leaving = None
        self._sweep()
        self._steps += 1

    def _sweep(self) -> None:
        """Now and then: what is to go was not used for far longer."""
        if time.monotonic() >= self._sweep_at:
            self._schemas.sweep(self._pace.drop)
            self._sweep_at = time.monotonic() + self._pace.drop / SWEEPS

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(CLOSE_SECONDS)
        with self._lock:
            self._give_up_coming()
        self._done(self._schemas.leave)
        super().close()

    def _find_coming(self) -> None:
        """Open the generation that is pointed to, if it is a new one of this build."""
        number = self.pointed()
        newest = self._coming[0] if self._coming is not None else self.number
        if number <= max(newest, self._unfit) or time.monotonic() < self._refused_until:
            return
        database = self._fitting(number)
        if database is None:
            self._unfit = number
            return
        self._give_up_coming()
        self._coming = (number, database)
        log.info("views to come", place=database.place.name)

    def _try_swap(self, number: int, coming: ViewDatabase) -> None:
        """Swap if nothing that a reader has seen, or could see until then, is missing in the coming generation; or the
        one that answers is damaged, or all who fed it have said that they do no more. Who said nothing may be slow."""
        if self.current.damage is not None or self._is_abandoned(number):
            self._swap(number, coming)
            return
        feeders, new_feeders = (self._schemas.users(each, FEEDS, self._pace.gone) for each in (self.number, number))
        if feeders <= new_feeders and _covers(coming, self.current.read_checkpoints()):
            with self.current.at_rest() as shown:  # who seemed to be gone may wake up and feed just this one
                if _covers(coming, shown):
                    self._swap(number, coming)

    def _is_abandoned(self, number: int) -> bool:
        """Whether nobody feeds the one that answers, for long or by his own word, and somebody feeds the new one."""
        pace, users = self._pace, self._schemas.users
        return not users(self.number, FEEDS, pace.drop) and bool(users(number, FEEDS, pace.gone))

    def _swap(self, number: int, successor: ViewDatabase) -> None:
        """Answer from the successor."""
        self._coming, self._leaving = None, (self.number, self.current)
        successor.overdue_seconds = OVERDUE_SECONDS
        self.checkpoints = {}  # the old one's say nothing of a successor that takes its place because it is damaged
        self.swap(number, successor)
        log.info("views swapped", place=successor.place.name)

    def _give_up_coming(self) -> None:
        if self._coming is not None:
            self._coming[1].close()
            self._coming = None

    def _run(self) -> None:
        next_step = 0.0
        while not self._closed:
            now = time.monotonic()
            if now >= next_step:
                next_step = now + (self._pace.beat if self._done(self.step) else self._pace.gone / 5)
            if (self._waiting or self._asked) and not self._done(self.look):
                self._pause(self._pace.beat)
            self._pause(self._rest(next_step))

    @property
    def _asked(self) -> bool:
        """Whether readers ask for rows these days: what they have at hand is kept young ahead of them."""
        return time.monotonic() - self.current.asked_at < self._pace.beat

    def _rest(self, next_step: float) -> float:
        if self._waiting:
            return self._pace.look
        return LOOK_SECONDS if self._asked else min(IDLE_SECONDS, max(0.0, next_step - time.monotonic()))

    def _pause(self, seconds: float) -> None:
        """Until then, or until somebody begins to wait."""
        with self._changed:
            waiting = self._waiting
            self._changed.wait_for(lambda: self._closed or self._waiting > waiting, seconds)

    def _done(self, act: Callable[[], None]) -> bool:
        """Carry out; a database that is away for a while is asked again later."""
        try:
            act()
        except (Unavailable, SQLAlchemyError) as error:
            log.warning("views not looked after", place=self.current.place.name, reason=str(error))
            return False
        return True


def _reached(known: Checkpoint | None, at: Checkpoint) -> bool:
    """Whether this is further than what is known."""
    return known is None or (at.epoch, at.position, at.offset) > (known.epoch, known.position, known.offset)


def _covers(coming: ViewDatabase, shown: Mapping[Source, Checkpoint]) -> bool:
    """Whether it is as far in every source."""
    there = {source: (at.epoch, at.position) for source, at in coming.read_checkpoints().items()}
    return all(there.get(source, (0, 0)) >= (at.epoch, at.position) for source, at in shown.items())
