"""What was known at an instant: rows of the views as they are, or folded anew from the facts recorded before it.

Folds are kept for some instants. One is good while the number of facts before its instant is unchanged (facts are
only ever added), and the next later instant is folded on from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Table, func, select

from services.chassis.views.view import FoldedView, Reader
from services.policy_registry.events import CityRegister, ProgrammeRecord, UnitRegister
from services.projection.kept import Kept
from services.projection.programme import (
    PROGRAMME,
    REGISTRY_TIMELINE,
    THE_CITY,
    UNITS,
    programmes_from,
    register_from,
)
from services.projection.project_board import PROJECT_BOARD, BoardRow, Folding
from services.projection.project_timeline import PROJECT_TIMELINE, ProjectFact, events_between

KEPT_PROJECTS = 600
"""In the folds of all instants together: some 5 kB each, so 3 MB."""

KEPT_CITIES = 16

R = TypeVar("R", bound=msgspec.Struct)


class LiveRows(Generic[R]):
    """The rows of a folded view, decoded once for each change.

    No row of these views is ever taken away, and one that changes gets the position of a later fact: so the number of
    rows and the sum of their positions stay as they are only while nothing changes.
    """

    def __init__(self, view: FoldedView, row: type[R]) -> None:
        self._view = view.name
        self._decoder = msgspec.json.Decoder(row)
        self._rows: dict[str, R] = {}
        self._positions: dict[str, int] = {}
        self._seen: tuple[int | None, ...] | None = None

    def read(self, reader: Reader) -> Mapping[str, R]:
        """Row by key; the same mapping as last time while nothing changed."""
        table = reader.table(self._view)
        told: Sequence[ColumnElement[Any]] = (func.count(), func.sum(table.c.position))
        seen = tuple(reader.execute(select(*told))[0])
        if seen != self._seen:
            self._load(reader, table)
            self._seen = seen
        return self._rows

    def _load(self, reader: Reader, table: Table) -> None:
        now = {row.key: row.position for row in reader.execute(select(table.c.key, table.c.position))}
        changed = [key for key, position in now.items() if self._positions.get(key) != position]
        rows = {key: row for key, row in self._rows.items() if key in now}
        positions = {key: at for key, at in self._positions.items() if key in now}
        for start in range(0, len(changed), 500):
            wanted = table.c.key.in_(changed[start : start + 500])
            for key, position, row in reader.execute(select(table.c.key, table.c.position, table.c.row).where(wanted)):
                rows[key] = self._decoder.decode(row)
                positions[key] = position
        self._rows, self._positions = rows, positions


V = TypeVar("V")


@dataclass(frozen=True)
class _Fold(Generic[V]):
    facts: int
    value: V


class PastFolds(Generic[V]):
    """Folds at the instants used last, as many as `most` allows. Between two of them nothing may have been recorded:
    then both are one value."""

    def __init__(
        self, view: str, fold: Callable[[Reader, int, V | None, int], V], size: Callable[[V], int], most: int
    ) -> None:
        self._view = view
        self._fold = fold
        self._kept: Kept[int, _Fold[V]] = Kept(lambda fold: size(fold.value), most)

    def at(self, reader: Reader, before: int) -> V:
        facts = self._count(reader, before)
        found = self._kept.get(before)
        if found is None or found.facts != facts:
            found = _Fold(facts, self._folded(reader, before, facts))
            self._kept.put(before, found)
        return found.value

    def _folded(self, reader: Reader, before: int, facts: int) -> V:
        later = min((kept for kept in self._kept if kept > before), default=None)
        if later is not None and self._kept[later].facts == facts == self._count(reader, later):
            return self._kept[later].value
        since, base = self._base(reader, before)
        if base is not None and base.facts == facts:
            return base.value
        return self._fold(reader, since, None if base is None else base.value, before)

    def _base(self, reader: Reader, before: int) -> tuple[int, _Fold[V] | None]:
        """The latest kept fold before the instant that still holds; from the beginning where there is none."""
        for instant in sorted((kept for kept in self._kept if kept < before), reverse=True):
            if self._kept[instant].facts == self._count(reader, instant):
                return instant, self._kept[instant]
        return 0, None

    def _count(self, reader: Reader, before: int) -> int:
        table = reader.table(self._view)
        return int(reader.execute(select(func.count()).where(table.c.recorded_at < before))[0][0])


def _fold_projects(
    reader: Reader, since: int, base: Mapping[str, BoardRow] | None, until: int
) -> Mapping[str, BoardRow]:
    """Folded on from the base, but from the beginning where a fact comes behind a later one of its project that the
    base holds already: the machine's clock had been set back."""
    try:
        return _folded(base or {}, events_between(reader, since, until))
    except _BehindTheBase:
        return _folded({}, events_between(reader, 0, until))


class _BehindTheBase(Exception):
    """A fact is older than the row that it was to be folded on to."""


def _folded(base: Mapping[str, BoardRow], facts: Iterable[ProjectFact]) -> dict[str, BoardRow]:
    """The rows after these facts."""
    folding: dict[str, Folding] = {}
    for key, stream, version, event in facts:
        row = folding.get(key)
        if row is None:
            known = base.get(key)
            if known is not None and version <= known.version:
                raise _BehindTheBase(key)
            row = folding[key] = Folding(stream, known)
        row.take(version, event)
    return {**base, **{key: row.done() for key, row in folding.items()}}


@dataclass(frozen=True)
class City:
    """The programmes by id and the register of units."""

    programmes: Mapping[str, ProgrammeRecord]
    register: UnitRegister


def _fold_city(reader: Reader, _since: int, _base: City | None, until: int) -> City:
    """From the beginning each time: there are few facts, and the reader decodes them."""
    facts = sorted(reader.facts(REGISTRY_TIMELINE.name, None, until), key=lambda fact: fact.position)
    return City(programmes_from(facts), register_from(facts))


class Known:
    """Rows and city as known at an instant (None: now). Not thread-safe: `Boards` holds a lock for the rows of all
    projects and one for the city; one project is read without."""

    def __init__(self) -> None:
        self._projects = LiveRows(PROJECT_BOARD, BoardRow)
        self._programmes = LiveRows(PROGRAMME, ProgrammeRecord)
        self._registers = LiveRows(UNITS, CityRegister)
        self._past_projects = PastFolds(PROJECT_TIMELINE.name, _fold_projects, len, KEPT_PROJECTS)
        self._past_cities = PastFolds(REGISTRY_TIMELINE.name, _fold_city, lambda _: 1, KEPT_CITIES)

    def projects(self, reader: Reader, before: int | None) -> Mapping[str, BoardRow]:
        if before is None:
            return self._projects.read(reader)
        return self._past_projects.at(reader, before)

    @staticmethod
    def project(reader: Reader, before: int | None, project_id: str) -> BoardRow | None:
        """One row, whatever the others are; None: nothing was known of the project."""
        if before is None:
            row: BoardRow | None = reader.get(PROJECT_BOARD.name, project_id)
            return row
        return _folded({}, events_between(reader, 0, before, project_id)).get(project_id)

    def city(self, reader: Reader, before: int | None) -> City:
        if before is not None:
            return self._past_cities.at(reader, before)
        programmes, known = self._programmes.read(reader), self._registers.read(reader).get(THE_CITY)
        return City(programmes, known.register if known is not None else UnitRegister())
