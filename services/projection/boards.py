"""A Board: every project read at one moment (D, T). Boards are kept, so that the next page costs next to nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from weakref import WeakKeyDictionary

from services.chassis.views.view import Reader
from services.policy_registry.events import ProgrammeRecord, UnitRegister, UnitSpan, programme_on, unit_on
from services.project_tracking.events import ProjectRules
from services.project_tracking.events.adopted_rules import rules_on
from services.projection.as_of import Moment
from services.projection.kept import Kept
from services.projection.known import City, Known
from services.projection.project_board import BoardRow
from services.projection.standing import Standing, standing_of

KEPT_STANDINGS = 1000
"""On all boards together: some 2 kB each, and 5 kB more where what was known then is kept for it."""

LEAST_BOARDS = 3
"""Today's, and the two readings of a past day."""


@dataclass(frozen=True)
class Board:
    """The city's projects at a moment, by id in the order of ids; or a few of them, where a question is about no
    more. `rows` is what they were read from; `notes` keeps what was worked out from the board."""

    moment: Moment
    city: City
    rules: ProjectRules | None
    standings: Mapping[str, Standing]
    rows: Mapping[str, BoardRow] = field(compare=False, repr=False)
    notes: dict[str, Any] = field(default_factory=dict, compare=False)

    @property
    def register(self) -> UnitRegister:
        return self.city.register

    @property
    def programme(self) -> ProgrammeRecord:
        """The programme in force on the board's day; an empty one before the first."""
        return programme_on(self.city.programmes, self.moment.on) or ProgrammeRecord()

    def unit(self, unit_id: str) -> UnitSpan | None:
        """The unit on the board's day; where it had left, as it last was; None: never heard of."""
        found = unit_on(self.register, unit_id, self.moment.on)
        record = self.register.units.get(unit_id)
        if found is not None or record is None:
            return found
        past = [span for span in record.spans if span.valid_from <= self.moment.on]
        return (past or record.spans or (None,))[-1]


class Boards:
    """The boards of one generation of views; safe from any thread."""

    def __init__(self) -> None:
        self._known = Known()
        self._kept: Kept[Moment, Board] = Kept(lambda board: len(board.standings), KEPT_STANDINGS, LEAST_BOARDS)
        self._rules: tuple[Mapping[str, ProgrammeRecord], dict[date, ProjectRules | None]] = ({}, {})
        self._lock = threading.Lock()
        self._city_lock = threading.Lock()

    def at(self, reader: Reader, moment: Moment) -> Board:
        """The board of a moment by what the views hold now; only what changed is read anew."""
        with self._lock:
            rows = self._known.projects(reader, moment.known_before)
            city, rules = self._city(reader, moment)
            before = self._kept.get(moment)
            board = self._board(moment, city, rules, rows, before or self._twin(moment))
            self._kept.put(moment, board)
            return board

    def of(self, reader: Reader, moment: Moment, project_ids: Iterable[str]) -> Board:
        """A board of these projects alone, read anew; what it costs has nothing to do with the other projects."""
        city, rules = self._city(reader, moment)
        found = {each: self._known.project(reader, moment.known_before, each) for each in sorted(project_ids)}
        rows = {key: row for key, row in found.items() if row is not None}
        standings = {key: standing_of(row, moment.on, rules) for key, row in rows.items()}
        return Board(moment, city, rules, {key: one for key, one in standings.items() if one is not None}, rows)

    def _city(self, reader: Reader, moment: Moment) -> tuple[City, ProjectRules | None]:
        with self._city_lock:
            city = self._known.city(reader, moment.known_before)
            return city, self._rules_on(city, moment)

    def _twin(self, moment: Moment) -> Board | None:
        """The kept board of the same day by other knowledge: projects of which both know the same are read once."""
        for other in (moment.as_now_known, moment.as_then_known):
            if other != moment and other in self._kept:
                return self._kept[other]
        return None

    @staticmethod
    def _board(
        moment: Moment, city: City, rules: ProjectRules | None, rows: Mapping[str, BoardRow], before: Board | None
    ) -> Board:
        """The board before where nothing changed; else a new one, with the standings that are the same taken over."""
        if (
            before is not None
            and before.rows is rows
            and (before.moment, before.city, before.rules) == (moment, city, rules)
        ):
            return before
        usable = before.standings if before is not None and before.rules == rules else {}
        standings: dict[str, Standing] = {}
        for key in sorted(rows):
            row, known = rows[key], usable.get(key)
            same = known is not None and (known.row is row or known.row.knows_the_same(row))
            found = known if same else standing_of(row, moment.on, rules)
            if found is not None:
                standings[key] = found
        return Board(moment, city, rules, standings, rows)

    def _rules_on(self, city: City, moment: Moment) -> ProjectRules | None:
        """The typed rules of a day, worked out once while the programmes stay the same."""
        programmes, by_day = self._rules
        if programmes is not city.programmes:
            by_day = {}
            self._rules = (city.programmes, by_day)
        if moment.on not in by_day:
            by_day[moment.on] = rules_on(city.programmes, moment.on)
        return by_day[moment.on]


_BOARDS: WeakKeyDictionary[Any, Boards] = WeakKeyDictionary()
_BOARDS_LOCK = threading.Lock()


def _boards(reader: Reader) -> Boards:
    """Each generation of the views has boards of its own."""
    with _BOARDS_LOCK:
        boards = _BOARDS.get(reader)
        if boards is None:
            boards = _BOARDS[reader] = Boards()
    return boards


def board_at(reader: Reader, moment: Moment) -> Board:
    """The board of a moment, with all projects."""
    return _boards(reader).at(reader, moment)


def board_of(reader: Reader, moment: Moment, *project_ids: str) -> Board:
    """The board of a moment with only the projects that a question is about; with none, the city alone."""
    return _boards(reader).of(reader, moment, project_ids)


def other_reading(reader: Reader, moment: Moment, today: date) -> Board | None:
    """The board of the other reading of the day; None for today."""
    other = moment.other(today)
    return None if other is None else board_at(reader, other)
