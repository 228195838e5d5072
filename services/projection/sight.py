"""What the asker may see: everything, or the projects of one unit as each reading gives them to it."""

from __future__ import annotations

from dataclasses import dataclass

from services.chassis.service import Asker
from services.chassis.views.view import Reader
from services.policy_registry.events import last_with_code
from services.projection.as_of import Moment
from services.projection.boards import Board, board_of
from services.projection.standing import Standing


@dataclass(frozen=True)
class Sight:
    """`own_code` is the code of the only unit whose projects are seen (None: all are), `own_id` that unit's id (None:
    nobody ever bore the code)."""

    own_code: str | None = None
    own_id: str | None = None

    def is_own(self, unit_id: str, unit_code: str) -> bool:
        """Units are compared by id, since codes are re-used."""
        if self.own_code is None:
            return True
        return unit_code == self.own_code if self.own_id is None else unit_id == self.own_id

    def sees(self, standing: Standing) -> bool:
        return self.is_own(standing.record.unit_id, standing.record.unit_code)

    def visible(self, board: Board) -> list[Standing]:
        """The projects of the board that the asker may see, by id."""
        return [standing for standing in board.standings.values() if self.sees(standing)]

    def compared(self, standing: Standing, board: Board, other: Board | None) -> Board | None:
        """The other reading, if it may be held beside this one: what became known of a project after it went to
        another unit is that unit's. A project that the later reading does not list is hidden alike."""
        if other is None or self.own_code is None:
            return other
        found = other.standings.get(standing.record.project_id)
        if found is not None:
            return other if self.sees(found) else None
        return other if board.moment.known_before is None else None


def sight_of(reader: Reader, asker: Asker) -> Sight:
    """The unit that bears the asker's code today by all that is known now, or bore it last: one that has left still
    sees its projects until another takes up its code, as it may write of them."""
    if asker.own_unit is None:
        return Sight()
    register = board_of(reader, Moment(asker.today)).register
    span = last_with_code(register, asker.own_unit, asker.today)
    return Sight(asker.own_unit, None if span is None else span.unit_id)
