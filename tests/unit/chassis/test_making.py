"""A city in the making: complete in its place, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.event_store import StoreUnusable
from services.chassis.upkeep import making
from services.chassis.upkeep.making import MAKING, finish, in_the_making


class Interrupted(BaseException):
    """As a Ctrl-C."""


def _make(data: Path, *, interrupted: bool = False) -> None:
    with in_the_making(data) as city:
        (city / "service").mkdir()
        (city / "service" / "events").write_text("facts")
        (city / "keys").mkdir()
        if interrupted:
            raise Interrupted


def test_what_was_made_takes_its_place_whole(tmp_path: Path) -> None:
    """Nothing but the city is left, and nothing of it showed before."""
    with in_the_making(tmp_path) as city:
        (city / "service").mkdir()
        (city / "service" / "events").write_text("facts")
        assert [path.name for path in tmp_path.iterdir()] == [MAKING]
    assert (tmp_path / "service" / "events").read_text() == "facts"
    assert [path.name for path in tmp_path.iterdir()] == ["service"]


def test_an_interrupted_making_leaves_nothing(tmp_path: Path) -> None:
    """As if it had never begun."""
    with pytest.raises(Interrupted):
        _make(tmp_path / "var", interrupted=True)
    assert list((tmp_path / "var").iterdir()) == []


def test_what_a_killed_making_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Without its mark of completeness it is worth nothing."""
    stale = tmp_path / MAKING / "city" / "service"
    stale.mkdir(parents=True)
    (stale / "events").write_text("half")
    finish(tmp_path)
    assert (stale / "events").exists()
    with in_the_making(tmp_path) as city:
        assert list(city.iterdir()) == []


def test_a_crash_while_moving_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mark says that all of it is durable: whoever comes next moves the rest."""
    monkeypatch.setattr(making, "finish", lambda _data: None)
    _make(tmp_path)
    (tmp_path / MAKING / "city" / "keys").replace(tmp_path / "keys")
    monkeypatch.undo()
    finish(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["keys", "service"]


def test_only_one_makes_at_a_time(tmp_path: Path) -> None:
    """The second is told that another process is at work."""
    with in_the_making(tmp_path), pytest.raises(StoreUnusable, match="另一个进程"), in_the_making(tmp_path):
        pytest.fail("two makers at once")


def test_a_folder_that_holds_anything_is_refused_and_kept(tmp_path: Path) -> None:
    """A mount point's lost+found does not count."""
    (tmp_path / "lost+found").mkdir()
    _make(tmp_path)
    with pytest.raises(StoreUnusable, match="不是空文件夹"):
        _make(tmp_path)
    assert (tmp_path / "service" / "events").read_text() == "facts"
