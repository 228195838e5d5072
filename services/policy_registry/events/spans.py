"""Dated facts about one unit or post, and the spans of days [from, to) that follow from them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Protocol, TypeVar

import msgspec


class _Spanning(Protocol):
    @property
    def valid_from(self) -> date: ...

    @property
    def valid_to(self) -> date | None: ...


class Toggle(msgspec.Struct, frozen=True):
    """From `on` it holds (`opens`) or no longer holds."""

    on: date
    opens: bool


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """Days from `valid_from` up to, not including, `valid_to` (None: open)."""

    valid_from: date
    valid_to: date | None = None


def covers(span: _Spanning, day: date) -> bool:
    return span.valid_from <= day and (span.valid_to is None or day < span.valid_to)


def overlap(one: _Spanning, other: _Spanning) -> date | None:
    """The first day that both spans hold, or None."""
    day = max(one.valid_from, other.valid_from)
    return day if covers(one, day) and covers(other, day) else None


S = TypeVar("S", bound=_Spanning)


def on_day(spans: Iterable[S], day: date) -> S | None:
    """The span that holds on that day, or None."""
    for span in spans:
        if covers(span, day):
            return span
    return None


def toggled(toggles: Iterable[Toggle], new: Toggle, corrects_on: date | None) -> tuple[Toggle, ...]:
    """The toggles in the order of days with one more; a correction takes the place of the one it corrects."""
    wrong = Toggle(corrects_on or new.on, new.opens)
    kept = [each for each in toggles if each not in (wrong, new)]
    return tuple(sorted((*kept, new), key=lambda each: (each.on, each.opens)))


def spans_of(toggles: Iterable[Toggle]) -> tuple[Span, ...]:
    """The spans between openings and closings; a second opening or closing in a row says nothing new."""
    spans: list[Span] = []
    opened: date | None = None
    for toggle in toggles:
        if toggle.opens and opened is None:
            opened = toggle.on
        elif not toggle.opens and opened is not None:
            spans.append(Span(valid_from=opened, valid_to=toggle.on))
            opened = None
    if opened is not None:
        spans.append(Span(valid_from=opened))
    return tuple(spans)


def alternate(toggles: Iterable[Toggle]) -> bool:
    """Whether openings and closings take turns, the first is an opening, and each span has at least one day."""
    previous = Toggle(date.min, False)
    for toggle in toggles:
        if toggle.opens == previous.opens or (not toggle.opens and toggle.on <= previous.on):
            return False
        previous = toggle
    return True
