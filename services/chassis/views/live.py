"""The generation of views that answers now, and how another one is built beside it and takes its place.

A rebuild fills a new generation from the bus while the live one serves; then it moves the pointer. Whoever consumes
notices, brings the new generation up to what the old one showed, and only then answers from it: no gap, never a step
back. Here one process has the generations to itself (`shared_views`: several have them together).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from sqlalchemy import Select, Table

from services.chassis.bus.port import Source
from services.chassis.errors import Unavailable
from services.chassis.faults import fault_point
from services.chassis.positions.position import PositionToken
from services.chassis.registry import EventRegistry
from services.chassis.sinks.database import Checkpoint
from services.chassis.sinks.sink import Batch, ViewSink
from services.chassis.telemetry.logs import logger
from services.chassis.views.database import ViewDatabase
from services.chassis.views.generations import GenerationFiles, Generations
from services.chassis.views.generations import RebuildRunning as RebuildRunning
from services.chassis.views.view import StoredFact, ViewSpec

log = logger(__name__)


class LiveSink(ViewSink):
    """Feeds a generation of views that answers, or is about to, and says so as soon as a batch is durable."""

    def __init__(self, name: str, live: LiveViews, database: ViewDatabase) -> None:
        super().__init__(name, database)
        self._live = live

    def apply(self, batch: Batch) -> None:
        super().apply(batch)
        self._live.advance(self.database, batch.moved)


class LiveViews:
    """The generations of one service's views in one place; a Reader of whichever answers now."""

    def __init__(
        self,
        place: Generations | Path,
        store_id: str,
        views: Sequence[ViewSpec],
        registry: EventRegistry,
        *,
        durable: bool = True,
    ) -> None:
        """A path is that of a folder with SQLite files, whose commits outlive a power cut where they are `durable`."""
        self._generations: Generations = GenerationFiles(place, durable=durable) if isinstance(place, Path) else place
        self._store_id = store_id
        self._views = tuple(views)
        self._registry = registry
        self._retired: tuple[int, ViewDatabase] | None = None
        self.checkpoints: Mapping[Source, Checkpoint]
        """How far the current generation is, kept up by its consumer."""
        with ExitStack() as failing:
            failing.callback(self._generations.close)
            self.number, self.current = self._first()
            failing.callback(self.current.close)
            self.checkpoints = self.current.read_checkpoints()
            failing.pop_all()
        self._progress: list[Callable[[], None]] = []
        self._wanted: list[Callable[[], None]] = []

    @property
    def build(self) -> str:
        """Differs between builds whose views do: they feed different generations, each from all facts."""
        return self.current.fingerprint()[:8]

    def on_progress(self, tell: Callable[[], None]) -> None:
        """Call this, on the consumer's thread, whenever the views hold more than before. It must not block."""
        self._progress.append(tell)

    def on_wanted(self, tell: Callable[[], None]) -> None:
        """Call this whenever somebody begins to wait for what the views do not hold yet. It must not block."""
        self._wanted.append(tell)

    def want(self) -> None:
        """Somebody waits for what is recorded and not shown yet."""
        for tell in self._wanted:
            tell()

    def awaited(self) -> AbstractContextManager[None]:
        """Held while somebody waits. Nothing to do where all progress is made by this process."""
        return contextlib.nullcontext()

    def advance(self, database: ViewDatabase, moved: Mapping[Source, Checkpoint]) -> None:
        """These checkpoints of a generation are durable; of one that does not answer yet nobody waits for them."""
        if database is self.current:
            self.checkpoints = {**self.checkpoints, **moved}
            for tell in self._progress:
                tell()

    def covers(self, token: PositionToken) -> bool:
        """Whether the views show this position (0: nothing was recorded). A token of an older epoch is covered by any
        later state."""
        at = self.checkpoints.get((token.service, token.partition), Checkpoint())
        reached = at.epoch == token.epoch and at.position >= token.position
        return token.position == 0 or at.epoch > token.epoch or reached

    def _first(self) -> tuple[int, ViewDatabase]:
        """The generation that the pointer names when it fits this build and store; else a new, empty one."""
        with self._generations.beginning():
            number = self.pointed()
            if number and (fitting := self._fitting(number)):
                return number, fitting
            new = max(number, self._generations.newest()) + 1
            with ExitStack() as failing:
                database = self.create(new)
                failing.callback(database.close)
                self._generations.point(new)
                failing.pop_all()
        self._generations.retire(number)
        return new, database

    def _fitting(self, number: int) -> ViewDatabase | None:
        """This generation, opened, if it was made for this store by a build with the same views. A damaged one fits
        nobody: views are disposable. Raises Unavailable where it cannot be read now."""
        place, database = self._generations.open(number), None
        try:
            database = ViewDatabase(place, self._views, self._registry)
            due = {"store_id": self._store_id, "fingerprint": database.fingerprint()}
            fits = database.identity() == due
            flaw = database.flaw() if fits else None
        except Unavailable as error:
            if place.damage is None:
                place.engine.dispose()
                raise
            fits, flaw = False, error.english
        if flaw is not None:
            log.error("views are damaged", place=self._generations.name(number), reason=flaw)
        if fits and flaw is None:
            return database
        place.engine.dispose()
        return None

    def pointed(self) -> int:
        """The number of the generation that is to answer."""
        return self._generations.pointed()

    def create(self, number: int) -> ViewDatabase:
        """An empty generation; what an interrupted rebuild left under this number is removed first."""
        self._generations.remove(number)
        database = ViewDatabase(self._generations.open(number), self._views, self._registry)
        with ExitStack() as failing:
            failing.callback(database.close)
            database.identify(self._store_id)
            failing.pop_all()
        return database

    def successor(self) -> tuple[int, ViewDatabase] | None:
        """The generation that a rebuild has pointed to since, opened; None while ours is the one (or the new one is
        of another build, which will answer from it)."""
        number = self.pointed()
        if number <= self.number:
            return None
        database = self._fitting(number)
        return None if database is None else (number, database)

    def swap(self, number: int, successor: ViewDatabase) -> None:
        """Answer from the successor. Queries in hand finish on the old one: it stays readable until the next swap."""
        self._drop_retired()
        self._retired = (self.number, self.current)
        self.number, self.current = number, successor
        self.advance(successor, successor.read_checkpoints())

    def rebuild(self, fill: Callable[[ViewDatabase], None]) -> int:
        """Build the next generation with `fill` and point to it; returns its number. One at a time."""
        with self._generations.rebuilding():
            number = max(self.pointed(), self.number) + 1
            database = self.create(number)
            try:
                fill(database)
            finally:
                database.close()
            fault_point("rebuild.swap")
            self._generations.point(number)
        return number

    def close(self) -> None:
        self.current.close()
        self._drop_retired()
        self._generations.close()

    def _drop_retired(self) -> None:
        if self._retired is not None:
            number, database = self._retired
            self._retired = None
            database.close()
            self._generations.retire(number)

    def get(self, view: str, key: str) -> Any:
        return self.current.get(view, key)

    def rows(self, view: str) -> Iterable[tuple[str, Any]]:
        return self.current.rows(view)

    def facts(self, view: str, key: str | None = None, recorded_before: int | None = None) -> Sequence[StoredFact]:
        return self.current.facts(view, key, recorded_before)

    def execute(self, query: Select[Any]) -> Sequence[Any]:
        return self.current.execute(query)

    def table(self, view: str) -> Table:
        return self.current.table(view)
