"""What people write, beyond its length: readable as it stands, in one direction, and more than empty space.

`domain.Name` and `domain.Text` say by their `extra` mark which they are. Recorded facts are not checked again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from msgspec import inspect

from services.chassis.domain import BREAKS, CONTROL, DIRECTIONS, LINE, WRITTEN
from services.chassis.errors import InvalidRequest, Violation

_IN_TEXT = re.compile(f"[{CONTROL}{DIRECTIONS}]")
_IN_LINE = re.compile(f"[{CONTROL}{DIRECTIONS}{BREAKS}]")
_BREAK, _DIRECTION = re.compile(f"[{BREAKS}]"), re.compile(f"[{DIRECTIONS}]")
_PLAIN = re.compile(r"[0-9A-Za-z\u4e00-\u9fff]")
"""What nearly every name begins with, so that most need no second look."""

_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me"})
_BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and signs that Unicode gives no ink: Hangul fillers and the empty Braille pattern."""


def writing_of(info: inspect.Metadata) -> Callable[[str, str], None] | None:
    """The check of a name or text; None where the type is neither."""
    mark: Any = (info.extra or {}).get(WRITTEN)
    if mark is None:
        return None
    return _line if mark == LINE else _text


def _line(value: str, path: str) -> None:
    _check(value, path, _IN_LINE)


def _text(value: str, path: str) -> None:
    _check(value, path, _IN_TEXT)


def _check(value: str, path: str, forbidden: re.Pattern[str]) -> None:
    found = forbidden.search(value)
    if found is not None:
        raise InvalidRequest(_violation(found[0], path))
    if not _PLAIN.match(value) and not any(map(_seen, value)):
        raise InvalidRequest(Violation(path, "不能只有空白或看不见的字符", "must hold more than blank characters"))


def _seen(char: str) -> bool:
    return unicodedata.category(char) not in _UNSEEN and char not in _BLANK_LETTERS


def _violation(char: str, path: str) -> Violation:
    code = f"U+{ord(char):04X}"
    if _BREAK.match(char):
        return Violation(
            path, f"应写在一行内,不能含有换行或制表符({code})", f"must be one line without tabs; found {code}"
        )
    if _DIRECTION.match(char):
        english = f"must not hold a character that turns the direction; found {code}"
        return Violation(path, f"不能含有改变书写方向的字符({code})", english)
    return Violation(path, f"不能含有控制字符({code})", f"must not hold a control character; found {code}")
