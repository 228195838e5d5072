"""When a duty falls due, as one sentence: 「每季度末月 25 日前(含当日)」."""

from __future__ import annotations

from services.policy_registry.events import Every, Party, Rhythm, Roll
from services.projection.cockpit.labels import Texts

_WITH_DAYS = (Every.MONTH, Every.QUARTER, Every.YEAR)
_MONTHS = {Every.QUARTER: "quarter_month", Every.YEAR: "month_name"}

NOT_NAMED = Texts("zh")("programme.unnamed")
"""What a programme's data say where the programme names nobody (未明确)."""


def rhythm_words(rhythm: Rhythm, t: Texts) -> str:
    """All that the programme states of a duty's time, and nothing that it leaves open."""
    words = _time(rhythm, t)
    if rhythm.occasion is not None:
        words = t("rhythm.on", time=words, occasion=rhythm.occasion)
    return words if rhythm.roll is Roll.STRICT else words + t(f"rhythm.roll.{rhythm.roll.value}")


def _time(rhythm: Rhythm, t: Texts) -> str:
    if rhythm.due_on is not None:
        return t("rhythm.due_on", day=rhythm.due_on.isoformat())
    if rhythm.weekday is not None:
        return t("rhythm.weekday", day=t(f"weekday.{rhythm.weekday}"))
    month = f"{_MONTHS.get(rhythm.every)}.{rhythm.month}"
    if t.has(month):
        return _in_month(rhythm, t(month), t)
    days = _days(rhythm)
    if days is None or rhythm.every not in _WITH_DAYS:
        return t(f"every.{rhythm.every.value}")
    return t(f"rhythm.{days}", every=t(f"every.{rhythm.every.value}"), first=rhythm.opens_day, last=rhythm.day)


def _in_month(rhythm: Rhythm, month: str, t: Texts) -> str:
    """Of a duty owed in a stated month of each quarter or year."""
    shape = f"rhythm.{rhythm.every.value}.{_days(rhythm) or 'month'}"
    return t(shape, month=month, first=rhythm.opens_day, last=rhythm.day)


def _days(rhythm: Rhythm) -> str | None:
    """Which days of the month are stated: a span, the last day, the first day or none."""
    if rhythm.day is None:
        return None if rhythm.opens_day is None else "from"
    return "by" if rhythm.opens_day is None else "span"


def party_words(party: Party, t: Texts) -> str:
    """Whom the programme names, in its own words; that it names nobody, in the page's."""
    return t("programme.unnamed") if party.words == NOT_NAMED else party.words
