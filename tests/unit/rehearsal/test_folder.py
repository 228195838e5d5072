"""A city in the making: complete in its place, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.event_store import StoreUnusable
from services.rehearsal.folder import in_the_making


class Interrupted(BaseException):
    """As a Ctrl-C."""


def _make_half(data: Path) -> None:
    with in_the_making(data) as making:
        (making / "half").write_text("a city")
        raise Interrupted


def test_what_was_made_takes_its_place_whole(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    with in_the_making(data) as making:
        (making / "service").mkdir()
        (making / "service" / "events").write_text("facts")
        assert not any(data.iterdir())
    assert (data / "service" / "events").read_text() == "facts"
    assert [path.name for path in tmp_path.iterdir()] == ["var"]


def test_an_interrupted_making_leaves_nothing(tmp_path: Path) -> None:
    data = tmp_path / "var"
    with pytest.raises(Interrupted):
        _make_half(data)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_making_left_is_removed_by_the_next(tmp_path: Path) -> None:
    data = tmp_path / "var"
    stale = tmp_path / ".var.rehearsing"
    (stale / "service").mkdir(parents=True)
    (stale / "service" / "events").write_text("half")
    (stale / "file").write_text("half")
    with in_the_making(data) as making:
        assert list(making.iterdir()) == []
    assert list(data.iterdir()) == []


def test_only_one_makes_at_a_time(tmp_path: Path) -> None:
    data = tmp_path / "var"
    with in_the_making(data), pytest.raises(StoreUnusable, match="另一个进程"), in_the_making(data):
        pytest.fail("two makers at once")
    assert data.exists()


def test_a_folder_that_holds_anything_is_refused_and_kept(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    (data / "mine").write_text("kept")
    with pytest.raises(StoreUnusable, match="不是空文件夹"), in_the_making(data):
        pytest.fail("wrote into a folder in use")
    assert (data / "mine").read_text() == "kept"
