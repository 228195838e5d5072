"""What is kept of past days is bounded by its size, and the past is one value where nothing was recorded between."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from services.projection.as_of import Moment
from services.projection.boards import board_at
from services.projection.kept import Kept
from tests.unit.projection.world import YI, running_project, world


def kept_of(*sizes: int, most: int, least: int = 1) -> list[int]:
    kept: Kept[int, int] = Kept(lambda size: size, most, least)
    for number, size in enumerate(sizes):
        kept.put(number, size)
    return list(kept)


def test_as_many_are_kept_as_fit() -> None:
    assert kept_of(4, 3, 3, most=10) == [0, 1, 2]
    assert kept_of(4, 3, 3, 1, most=10) == [1, 2, 3]
    assert kept_of(1, 1, 9, most=9) == [2]


def test_the_last_few_are_kept_whatever_their_sizes() -> None:
    assert kept_of(50, 60, 70, most=10, least=2) == [1, 2]


def test_the_one_used_longest_ago_goes_first() -> None:
    kept: Kept[str, int] = Kept(lambda size: size, 2)
    kept.put("a", 1)
    kept.put("b", 1)
    assert kept.get("a") == 1
    kept.put("c", 1)
    assert list(kept) == ["a", "c"]
    assert kept.get("b") is None


def test_what_is_put_again_takes_the_place_of_the_former() -> None:
    kept: Kept[str, int] = Kept(lambda size: size, 10)
    kept.put("a", 8)
    kept.put("a", 2)
    kept.put("b", 8)
    assert list(kept) == ["a", "b"]


def test_days_between_which_nothing_was_recorded_have_one_value(tmp_path: Path) -> None:
    with world(tmp_path / "views.sqlite") as city:
        city.with_programme()
        running_project(city, "p1", monthly=YI)
        city.folded()
        days = (date(2016, 3, 1), date(2016, 2, 1), date(2016, 4, 1))
        boards = [board_at(city.views, Moment(day).as_then_known) for day in days]
        assert boards[0].city is boards[1].city is boards[2].city
        assert boards[0].rows is boards[1].rows is boards[2].rows
