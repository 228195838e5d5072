"""Charts as SVG, made on the server: only presentation attributes and classes, so that the strictest CSP shows them.

Every chart has a title for those who can't see it; its numbers stand in a table beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from markupsafe import Markup

from services.project_tracking.events import Lamp

LAMP_ORDER = (Lamp.RED, Lamp.YELLOW, Lamp.WATCH, Lamp.GREEN, Lamp.UNREPORTED, Lamp.NO_BASELINE, Lamp.NOT_JUDGED)
"""From what needs a leader to what does not, as bars are stacked."""


@dataclass(frozen=True)
class Box:
    """The drawing area inside a chart: left, top, right, bottom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


def svg(width: float, height: float, title: str, parts: Iterable[str], css: str = "chart") -> Markup:
    body = "".join(parts)
    label = escape(title)
    return Markup(
        f'<svg class="{css}" viewBox="0 0 {_n(width)} {_n(height)}" role="img" aria-label="{label}">'
        f"<title>{label}</title>{body}</svg>"
    )


def lamp_bar(counts: Sequence[tuple[Lamp, int, str]], title: str) -> Markup:
    """A bar of (lamp, count, label), each as wide as its share; empty: a thin line."""
    total = sum(count for _, count, _ in counts)
    parts, at = [], 0.0
    for lamp, count, label in counts:
        if not count:
            continue
        width = 100 * count / total
        parts.append(
            f'<rect class="fill-{lamp.value}" x="{_n(at)}" y="0" width="{_n(max(width - 0.35, 0.3))}" height="10">'
            f"<title>{escape(label)} {count}</title></rect>"
        )
        at += width
    if not total:
        parts.append('<rect class="fill-none" x="0" y="4" width="100" height="2"/>')
    return Markup(
        f'<svg class="lampbar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>{"".join(parts)}</svg>'
    )


def share_bar(permille: int | None, title: str, css: str = "fill-done") -> Markup:
    """One bar against a mark at 100 %; the scale ends at 150 %. Without a share there is nothing to mark."""
    width = 0.0 if permille is None else min(permille, 1500) / 15
    bar = f'<rect class="{css}" x="0" y="2" width="{_n(width)}" height="6"/>' if width else ""
    mark = '<line class="full" x1="66.67" y1="0" x2="66.67" y2="10" vector-effect="non-scaling-stroke"/>'
    mark = "" if permille is None else mark
    return Markup(
        f'<svg class="sharebar" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title)}"><title>{escape(title)}</title>'
        f'<rect class="track" x="0" y="2" width="100" height="6"/>{bar}{mark}</svg>'
    )


def paired_columns(
    labels: Sequence[str], planned: Sequence[float], done: Sequence[float | None], title: str, *, decimals: int = 1
) -> Markup:
    """Columns by month: planned as an outline, done filled inside it; None: not known yet."""
    box = Box(44, 14, 632, 196)
    highest = max([*planned, *(value for value in done if value is not None), 0])
    top = nice_top(highest) if decimals else max(4.0, -(-highest // 4) * 4)
    parts = list(_grid(box, top))
    step = box.width / max(len(labels), 1)
    for index, label in enumerate(labels):
        x = box.left + index * step
        parts.append(_column(x + step * 0.16, step * 0.68, planned[index], top, box, "planned"))
        value = done[index]
        if value is not None:
            parts.append(_column(x + step * 0.28, step * 0.44, value, top, box, "done"))
            words = f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else str(round(value))
            height = box.height * value / top if top else 0
            parts.append(_text(x + step / 2, max(box.bottom - height - 5, box.top + 4), words, "middle", "value"))
        parts.append(_text(x + step / 2, box.bottom + 17, label, "middle"))
    return svg(640, 222, title, parts)


def _column(x: float, width: float, value: float, top: float, box: Box, css: str) -> str:
    height = box.height * value / top if top else 0
    return (
        f'<rect class="{css}" x="{_n(x)}" y="{_n(box.bottom - height)}" width="{_n(width)}" height="{_n(height)}" '
        f'rx="1.5"/>'
    )


def stacked_columns(labels: Sequence[str], stacks: Sequence[Sequence[tuple[Lamp, int]]], title: str) -> Markup:
    """Lamps by month, one column each, in shares of the month."""
    box = Box(44, 10, 632, 170)
    step = box.width / max(len(labels), 1)
    parts = [_text(36, box.top + 5, "100%", "end"), _text(36, box.bottom, "0", "end"), _line(box, box.bottom, "axis")]
    for index, (label, stack) in enumerate(zip(labels, stacks, strict=True)):
        total, base = sum(count for _, count in stack), box.bottom
        x = box.left + index * step + step * 0.18
        for lamp, count in stack:
            height = box.height * count / total if total else 0
            base -= height
            parts.append(
                f'<rect class="fill-{lamp.value}" x="{_n(x)}" y="{_n(base)}" width="{_n(step * 0.64)}" '
                f'height="{_n(max(height - 0.8, 0))}"><title>{count}</title></rect>'
            )
            if height >= 15:
                css = f"on-{lamp.value}"
                parts.append(_text(x + step * 0.32, base + height / 2 + 4, str(count), "middle", css))
        parts.append(_text(box.left + index * step + step / 2, box.bottom + 17, label, "middle"))
    return svg(640, 196, title, parts)


@dataclass(frozen=True)
class Line:
    """A line of (day, value); None breaks it."""

    css: str
    points: Sequence[tuple[date, int | None]]


def curves(lines: Sequence[Line], on: date, marks: Sequence[tuple[date, bool, str]], title: str, unit: int) -> Markup:
    """Lines over days, the day looked at, and marks (day, reached, words) on the axis. Values in `unit` yuan."""
    days = [day for line in lines for day, _ in line.points]
    if not days:
        return Markup("")
    first, last = min(days), max(days)
    span = max((last - first).days, 1)
    box = Box(56, 14, 700, 236)
    values = [value for line in lines for _, value in line.points if value is not None]
    top = nice_top(max([*values, 0]) / unit)

    def place(day: date) -> float:
        return box.left + box.width * min(max((day - first).days / span, 0), 1)

    parts = [*_grid(box, top), *_years(first, last, place, box)]
    if first <= on <= last:
        parts.append(f'<line class="now" x1="{_n(place(on))}" y1="{box.top}" x2="{_n(place(on))}" y2="{box.bottom}"/>')
    for line in lines:
        parts.append(_path(line, place, top * unit, box))
    for day, reached, words in marks:
        css = "reached" if reached else "open"
        parts.append(
            f'<path class="milestone {css}" d="M{_n(place(day))} {box.bottom - 6}l6 6l-6 6l-6 -6z">'
            f"<title>{escape(words)}</title></path>"
        )
    return svg(712, 268, title, parts)


def _path(line: Line, place: object, top: float, box: Box) -> str:
    commands, drawing = [], False
    for day, value in line.points:
        if value is None:
            drawing = False
            continue
        y = box.bottom - (box.height * value / top if top else 0)
        commands.append(f"{'L' if drawing else 'M'}{_n(place(day))} {_n(y)}")  # type: ignore[operator]
        drawing = True
    return f'<path class="line {line.css}" d="{"".join(commands)}"/>'


def _years(first: date, last: date, place: object, box: Box) -> Iterable[str]:
    """A label at the first of each month or, over long spans, of each quarter or half-year."""
    months = (last.year - first.year) * 12 + last.month - first.month
    every = 1 if months <= 13 else 3 if months <= 30 else 6 if months <= 60 else 12
    year, month = first.year, first.month
    while date(year, month, 1) <= last:
        day = date(year, month, 1)
        if (month - 1) % every == 0 and day >= first:
            words = str(year) if month == 1 else f"{month}"
            css = "year" if month == 1 else ""
            yield _text(place(day), box.bottom + 24, words, "middle", css)  # type: ignore[operator]
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _grid(box: Box, top: float) -> Iterable[str]:
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = box.bottom - box.height * share
        yield _line(box, y, "axis" if share == 0 else "grid")
        yield _text(box.left - 8, y + 4, _tick(top * share), "end")


def _tick(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.2f}".rstrip("0").rstrip(".")


def _line(box: Box, y: float, css: str) -> str:
    return f'<line class="{css}" x1="{_n(box.left)}" y1="{_n(y)}" x2="{_n(box.right)}" y2="{_n(y)}"/>'


def _text(x: float, y: float, words: str, anchor: str, css: str = "") -> str:
    return f'<text class="{css}" x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}">{escape(words)}</text>'


def nice_top(value: float) -> float:
    """The end of an axis, not below the value, whose quarters are round numbers."""
    if value < 1e-9:
        return 1.0
    size = 1.0
    while size * 10 <= value:
        size *= 10
    while size > value:
        size /= 10
    return next(size * factor for factor in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * factor >= value)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
