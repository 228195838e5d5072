"""Events that a recovery found on the topic and no signed head proves: shown, and a person's word about them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from services.chassis.time.clock import SHANGHAI

if TYPE_CHECKING:  # what a recovery stands on is slow to load, and every command loads this module
    from services.chassis.upkeep.unproved import Choice, Unproved


def word(accept: bool, leave: bool, before_asking: Callable[[], None]) -> Callable[[Unproved], Choice]:
    """What `recover` asks: the options decide, else the terminal if there is one, else nobody."""
    from services.chassis.upkeep.unproved import Choice  # noqa: PLC0415

    def decide(unproved: Unproved) -> Choice:
        before_asking()
        _show(unproved)
        if accept:
            return Choice.ACCEPT
        if leave:
            return Choice.LEAVE
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return Choice.REFUSE
        return Choice(
            typer.prompt(
                "收入、放弃,还是不作修改 · take them in, go on without them, or change nothing (accept/leave/refuse)",
                default=Choice.REFUSE.value,
                value_proc=_choice,
            )
        )

    return decide


def _choice(said: str) -> str:
    if said not in ("accept", "leave", "refuse"):
        raise typer.BadParameter("accept / leave / refuse")
    return said


def _show(unproved: Unproved) -> None:
    print(
        f"{unproved.service}: 位置 {unproved.proved} 之后的 {unproved.count} 个事件没有签名树头为证 · "
        f"{unproved.count} events behind position {unproved.proved} are proved by no signed head:"
    )
    for event in unproved.listed:
        recorded = event.recorded_at.astimezone(SHANGHAI).isoformat()
        print(
            f"  {event.position} {event.id!r} {event.type!r} actor={event.actor!r} command={event.command_id!r} "
            f"recorded={recorded} epoch={event.epoch}"
        )
    if unproved.count > len(unproved.listed):
        print(f"  …… 仅列出前 {len(unproved.listed)} 个 · only the first so many are listed")
