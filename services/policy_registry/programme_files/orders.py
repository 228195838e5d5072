"""An order with the place in the files that it was read from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.chassis.domain import Command
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.unit_registry import (
    AbolishPost,
    EstablishPost,
    JoinUnit,
    LeaveUnit,
    MakeResponsible,
    RecodeUnit,
    RelievePost,
)

RANKS: dict[type[Command], int] = {
    AdoptProgramme: 0,
    LeaveUnit: 1,
    RecodeUnit: 2,
    JoinUnit: 3,
    EstablishPost: 4,
    RelievePost: 5,
    MakeResponsible: 6,
    AbolishPost: 7,
}
"""What comes first on one day: who leaves frees a code for who joins; a post must exist before it is given anything."""


@dataclass(frozen=True)
class Order:
    """`file` and `key` say where in the programme's folder the order comes from."""

    command: Command
    day: date
    file: str
    key: str

    @property
    def rank(self) -> int:
        return RANKS[type(self.command)]
