"""project_board 项目板: one row for each project, folded from its facts, with the facts its figures rest on."""

from __future__ import annotations

import msgspec

from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.views.view import FoldedView, Received
from services.project_tracking.events import PROJECT_EVENTS, ProjectRecord, evolve
from services.projection.sources import corrects, source_key

PROJECT_STREAMS = "project-"
"""How the streams of projects begin."""


class BoardRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a project. `sources` names the version of the fact behind each figure, `corrections` the
    versions that corrected something; `record` is None while the registration is not known."""

    stream: str
    version: int
    record: ProjectRecord | None = None
    sources: dict[str, int] = {}
    corrections: tuple[int, ...] = ()

    def event_id(self, key: str) -> str | None:
        """The id of the fact behind a figure; None where nothing was told."""
        version = self.sources.get(key)
        return None if version is None else f"{self.stream}/{version}"

    def knows_the_same(self, other: BoardRow) -> bool:
        """Whether both are folded from the same facts. The last version alone does not tell: where the machine's clock
        was set back, an earlier fact can have become known later."""
        mine = (self.version, self.corrections, self.sources)
        return mine == (other.version, other.corrections, other.sources)


class Folding:
    """A row on its way: takes the facts of one stream in their order, whatever they are."""

    def __init__(self, stream: str, row: BoardRow | None) -> None:
        self._stream = stream
        self._version = 0 if row is None else row.version
        self._record = None if row is None else row.record
        self._sources = {} if row is None else dict(row.sources)
        self._corrections = () if row is None else row.corrections

    def add(self, fact: Received) -> None:
        self.take(fact.envelope.version, fact.event)

    def take(self, version: int, event: Event) -> None:
        self._version = version
        self._record = evolve(self._record, event)
        self._sources[source_key(event)] = version
        if corrects(event):
            self._corrections = (*self._corrections, version)

    def done(self) -> BoardRow:
        return BoardRow(
            stream=self._stream,
            version=self._version,
            record=self._record,
            sources=self._sources,
            corrections=self._corrections,
        )


def _folding(row: BoardRow | None, first: Received) -> Folding:
    return Folding(first.envelope.stream, row)


def _project_fact(row: BoardRow | None, fact: Received) -> BoardRow:
    folding = _folding(row, fact)
    folding.add(fact)
    return folding.done()


def project_of(envelope: Envelope) -> str | None:
    """The project that a fact is about; None for facts of other aggregates."""
    return envelope.entity if envelope.stream.startswith(PROJECT_STREAMS) else None


PROJECT_BOARD = FoldedView(
    "project_board", BoardRow, project_of, dict.fromkeys(PROJECT_EVENTS, _project_fact), folding=_folding
)
