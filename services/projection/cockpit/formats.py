"""How numbers, money and days are written. What is not known is a dash, never a zero."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from services.chassis.time.clock import SHANGHAI
from services.projection.cockpit.labels import Language

DASH = "–"
YI = 100_000_000
WAN = 10_000


class Formats:
    """Values as text in one language."""

    def __init__(self, language: Language) -> None:
        self._chinese = language == "zh"

    def money(self, yuan: int | None) -> str:
        """亿元 or 万元 in Chinese, billions or millions of yuan in English."""
        if yuan is None:
            return DASH
        if self._chinese:
            return f"{_short(yuan, YI)}亿元" if abs(yuan) >= YI else f"{_short(yuan, WAN)}万元"
        return f"¥{_short(yuan, 10**9)} bn" if abs(yuan) >= 10**9 else f"¥{_short(yuan, 10**6)} m"

    def chart_unit(self, largest_yuan: int) -> tuple[int, str]:
        """(yuan, key of its name) for the axis of a chart: small sums would be zeros in large units."""
        return (YI, "chart.unit.large") if largest_yuan >= YI else (WAN, "chart.unit.small")

    def permille(self, value: int | None) -> str:
        return DASH if value is None else f"{value // 10}.{value % 10}%"

    def percent(self, value: Decimal | None) -> str:
        return DASH if value is None else f"{plain(value)}%"

    def count(self, value: int | None) -> str:
        return DASH if value is None else f"{value:,}"

    def day(self, value: date | None) -> str:
        return DASH if value is None else value.isoformat()

    def long_day(self, value: date) -> str:
        """The day with its weekday."""
        if self._chinese:
            return f"{value.year}年{value.month}月{value.day}日 星期{'一二三四五六日'[value.weekday()]}"
        return f"{['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][value.weekday()]}, {value.isoformat()}"

    def instant(self, value: datetime) -> str:
        """In Asia/Shanghai, to the second."""
        return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")

    def month(self, value: str | None) -> str:
        if value is None:
            return DASH
        return f"{value[:4]}年{int(value[5:])}月" if self._chinese else value


def plain(value: Decimal) -> str:
    """Without an exponent and without idle zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _short(yuan: int, unit: int) -> str:
    """Four significant places at most: 12.34, 123.4, 1,234."""
    value = Decimal(yuan) / unit
    places = 2 if abs(value) < 100 else 1 if abs(value) < 1000 else 0
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
