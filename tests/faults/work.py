"""What a caller orders: the lives of some projects of its own, and of one that it shares with its neighbour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from itertools import chain, count
from uuid import UUID

from services.chassis.domain import Command
from services.policy_registry.unit_registry.commands import EstablishPost
from tests import lives
from tests.faults.journal import Order

PROJECTS = 4
"""Side by side, for each caller; a fifth one is shared by two."""
WEEKS = 400


class Work:
    """One caller's orders without end, the same for the same seed."""

    def __init__(self, number: int, seed: int, dice: random.Random, posts: float = 0.0) -> None:
        """`posts`: the part of the orders that goes to the register of units and posts."""
        self._number = number
        self._random = dice
        self._names = (f"s{seed}-c{number}-p{n}" for n in count())
        self._lives = [self._life(next(self._names)) for _ in range(PROJECTS)]
        self._shared = self._shared_life(f"s{seed}-shared-{number // 2}")
        self._posts, self._post = posts, (_post(f"s{seed}-c{number}-{n}") for n in count())

    def next(self) -> Order:
        """The next one, under an id of its own."""
        return Order(str(UUID(int=self._random.getrandbits(128), version=4)), self._next())

    def _next(self) -> Command:
        if self._random.random() < self._posts:
            return next(self._post)
        if self._random.random() < 0.1:
            return next(self._shared)
        number = self._random.randrange(PROJECTS)
        if self._random.random() < 0.02:
            self._lives[number] = self._life(next(self._names))
        return next(self._lives[number])

    @staticmethod
    def _life(project: str) -> Iterator[Command]:
        weeks = (lives.weekly(project, number) for number in range(WEEKS))
        return chain([lives.registration(project)], lives.preparation(project), weeks, _endless(project))

    def _shared_life(self, project: str) -> Iterator[Command]:
        """Every second week of a project that the neighbour reports on as well; both register it."""
        own = self._number % 2
        weeks = (lives.weekly(project, number) for number in range(own, WEEKS, 2))
        return chain([lives.registration(project)], weeks, _endless(f"{project}-{own}"))


def _post(post: str) -> Command:
    """All of them on one stream, at which callers meet."""
    return EstablishPost(
        registry_id="baoding", occurred_on=date(2017, 3, 1), post_id=post, unit_id="lianchi", title=f"岗位 {post}"
    )


def _endless(project: str) -> Iterator[Command]:
    """Projects without end, one after another."""
    for number in count():
        yield lives.registration(f"{project}-{number}")
