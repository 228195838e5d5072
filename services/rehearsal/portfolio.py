"""Which projects there are: an invented portfolio over the units, drawn from the seed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from random import Random

from services.project_tracking.events import ProjectKind, ProjectLevel
from services.rehearsal.chance import maybe, one_of, stream
from services.rehearsal.lines import GOVERNMENT, INVESTMENT, SITES, Line
from services.rehearsal.names import FIRST, builder, company, credit_code, project_name
from services.rehearsal.units import Unit

YI = 100_000_000
"""亿: the unit in which sizes of projects are thought of."""

LEAST_YI, MOST_YI = 0.2, 60.0
PROVINCE_LEAST_YI = 5.0


class Phase(Enum):
    """Where a project stands on the first day: being built, being prepared, or not yet heard of."""

    BUILDING = auto()
    PREPARING = auto()
    NEW = auto()


@dataclass(frozen=True)
class Project:
    """What is fixed of a project. `weekly`: a major industrial project, followed week by week (measure 18)."""

    number: int
    project_id: str
    name: str
    unit: Unit
    kind: ProjectKind
    level: ProjectLevel
    line: Line
    owner: str
    owner_uscc: str | None
    total_yuan: int
    site: str
    area_mu: Decimal | None
    phase: Phase
    weekly: bool


def portfolio(units: Sequence[Unit], count: int, seed: int) -> tuple[Project, ...]:
    """`count` projects over the units, in the units' order; the same for the same seed."""
    words = list(FIRST)
    stream(seed, "words").shuffle(words)
    shares = _shares(units, count, stream(seed, "sizes of units"))
    numbered = enumerate(_places(units, shares), 1)
    return tuple(_project(number, unit, place, words, seed) for number, (unit, place) in numbered)


def _shares(units: Sequence[Unit], count: int, chance: Random) -> list[int]:
    """How many projects each unit has: uneven, and exactly `count` in all."""
    weights = [chance.uniform(0.6, 1.5) for _ in units]
    exact = [count * weight / sum(weights) for weight in weights]
    shares = [int(share) for share in exact]
    largest_rest = sorted(range(len(units)), key=lambda index: shares[index] - exact[index])
    for index in largest_rest[: count - sum(shares)]:
        shares[index] += 1
    return shares


def _places(units: Sequence[Unit], shares: Sequence[int]) -> Iterator[tuple[Unit, int]]:
    for unit, share in zip(units, shares, strict=True):
        for place in range(1, share + 1):
            yield unit, place


def _project(number: int, unit: Unit, place: int, words: Sequence[str], seed: int) -> Project:
    chance = stream(seed, "project", number)
    kind = one_of(chance, [(ProjectKind.INVESTMENT, 0.6), (ProjectKind.GOVERNMENT, 0.4)])
    investment = kind is ProjectKind.INVESTMENT
    line = chance.choice(INVESTMENT if investment else GOVERNMENT)
    level = one_of(chance, [(ProjectLevel.PROVINCE, 0.1), (ProjectLevel.CITY, 0.36), (ProjectLevel.COUNTY, 0.54)])
    total = _size(level, chance)
    word = words[(number * 7) % len(words)]
    coded = maybe(chance, 0.8)
    return Project(
        number=number,
        project_id=f"{unit.unit_id}-{place:02d}",
        name=project_name(unit.name, word, chance.choice(line.works)),
        unit=unit,
        kind=kind,
        level=level,
        line=line,
        owner=company(word, line.trade) if investment else builder(unit.name, line.trade),
        owner_uscc=credit_code(number, chance) if investment and coded else None,
        total_yuan=total,
        site=unit.name + chance.choice(SITES),
        area_mu=_area(total, chance),
        phase=one_of(chance, [(Phase.BUILDING, 0.5), (Phase.PREPARING, 0.33), (Phase.NEW, 0.17)]),
        weekly=investment and line.industrial and level is not ProjectLevel.COUNTY,
    )


def _size(level: ProjectLevel, chance: Random) -> int:
    """Yuan in all: log-normal about two yi, whole millions; what the province lists is larger."""
    size = min(MOST_YI, max(LEAST_YI, chance.lognormvariate(0.8, 0.95)))
    if level is ProjectLevel.PROVINCE:
        size = min(MOST_YI, max(PROVINCE_LEAST_YI, size * 2.5))
    return round(size * 100) * (YI // 100)


def _area(total: int, chance: Random) -> Decimal | None:
    """Mu of land, by size; some are still unknown."""
    mu = total / YI * chance.uniform(18, 60)
    return None if maybe(chance, 0.12) else Decimal(round(mu * 10 + 50)).scaleb(-1)
