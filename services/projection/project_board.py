"""project_board 项目板: one row for each project, folded from its facts, with the facts its figures rest on."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.chassis.domain import Event
from services.chassis.envelope import Envelope
from services.chassis.views import FoldedView, Received
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


def row_after(row: BoardRow | None, stream: str, version: int, event: Event) -> BoardRow:
    """The row with one more fact of its stream; takes whatever was recorded."""
    known = row if row is not None else BoardRow(stream=stream, version=0)
    return BoardRow(
        stream=stream,
        version=version,
        record=evolve(known.record, event),
        sources={**known.sources, source_key(event): version},
        corrections=(*known.corrections, version) if corrects(event) else known.corrections,
    )


def _project_fact(row: BoardRow | None, fact: Received) -> BoardRow:
    return row_after(row, fact.envelope.stream, fact.envelope.version, fact.event)


def project_of(envelope: Envelope) -> str | None:
    """The project that a fact is about; None for facts of other aggregates."""
    return envelope.entity if envelope.stream.startswith(PROJECT_STREAMS) else None


def _index(row: BoardRow) -> Mapping[str, str | int | None]:
    record = row.record
    if record is None:
        return {"unit_code": None, "kind": None, "level": None}
    return {"unit_code": record.unit_code, "kind": record.kind.value, "level": record.level.value}


PROJECT_BOARD = FoldedView(
    "project_board",
    BoardRow,
    project_of,
    dict.fromkeys(PROJECT_EVENTS, _project_fact),
    columns=("unit_code", "kind", "level"),
    index=_index,
)
