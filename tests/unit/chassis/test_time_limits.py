"""Time limits: as `asyncio.timeout`, with one timer for all tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from services.chassis.time.time_limits import TimeLimits

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    found: Run = request.param
    return found


async def _waited(limits: TimeLimits, seconds: float, work: float = 30) -> str:
    try:
        with limits.of(seconds):
            await asyncio.sleep(work)
    except TimeoutError:
        return "over"
    return "done"


def test_what_is_done_in_time_is_not_disturbed(run: Run) -> None:
    async def work() -> None:
        limits = TimeLimits()
        assert await _waited(limits, 0.01, work=0) == "done"
        await asyncio.sleep(0.02)

    run(work())


@pytest.mark.parametrize("seconds", [0, -1, 0.01])
def test_what_takes_too_long_is_a_timeout(run: Run, seconds: float) -> None:
    assert run(_waited(TimeLimits(), seconds)) == "over"


def test_each_has_its_own_time_whichever_came_first(run: Run) -> None:
    async def work() -> list[str]:
        limits = TimeLimits()
        return await asyncio.gather(*(_waited(limits, seconds, work=0.06) for seconds in (0.03, 0.01, 30.0, 0.02)))

    assert run(work()) == ["over", "over", "done", "over"]


def test_a_limit_that_comes_after_the_last_was_kept_is_watched_too(run: Run) -> None:
    async def work() -> list[str]:
        limits = TimeLimits()
        return [await _waited(limits, seconds, work) for seconds, work in ((0.01, 0), (0.02, 30), (30, 0), (0.01, 30))]

    assert run(work()) == ["done", "over", "done", "over"]


def test_a_cancellation_from_outside_stays_one(run: Run) -> None:
    async def work() -> None:
        task = asyncio.ensure_future(_waited(TimeLimits(), 30))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())


def test_a_cancellation_from_outside_goes_before_a_timeout(run: Run) -> None:
    async def work() -> None:
        limits = TimeLimits()

        async def both() -> None:
            with limits.of(30):
                task = asyncio.current_task()
                assert task is not None
                next(iter(limits._running)).expire()
                task.cancel()
                await asyncio.sleep(30)

        task = asyncio.ensure_future(both())
        with pytest.raises(asyncio.CancelledError):
            await task

    run(work())


def test_an_error_inside_is_not_hidden_by_the_timeout(run: Run) -> None:
    async def work() -> None:
        with TimeLimits().of(0):
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                raise KeyError("inside") from None

    with pytest.raises(KeyError):
        run(work())


def test_a_task_can_go_on_after_its_timeout(run: Run) -> None:
    async def work() -> None:
        assert await _waited(TimeLimits(), 0) == "over"
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        await asyncio.sleep(0)

    run(work())
