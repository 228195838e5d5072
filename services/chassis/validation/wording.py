"""What a validation error says to a clerk and to an integrator: the field's path and the rule, in two languages.

The one place that reads msgspec's English messages; a test goes through every kind of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import msgspec

from services.chassis.domain import EntityId
from services.chassis.errors import Violation

_TYPES: dict[str, tuple[str, str]] = {
    "int": ("整数", "a whole number"),
    "float": ("数字", "a number"),
    "decimal": ("十进制数", "a decimal number"),
    "str": ("文本", "text"),
    "bool": ("真假值(true/false)", "true or false"),
    "bytes": ("数据(base64)", "base64 text"),
    "date": ("日期(年-月-日)", "a date (YYYY-MM-DD)"),
    "datetime": ("带时区的时间", "an instant with a time zone"),
    "array": ("列表", "a list"),
    "object": ("对象", "an object"),
    "null": ("空值", "null"),
    "uuid": ("UUID", "a UUID"),
}
_UNITS = {
    "str": ("个字符", "characters"),
    "array": ("项", "items"),
    "bytes": ("字节", "bytes"),
    "object": ("项", "entries"),
}

Sentence = tuple[str, str]


def violation_of(error: msgspec.ValidationError) -> Violation:
    """The field and the broken rule that msgspec reports; a message of a new kind is handed on as it is."""
    text, path = _split(str(error))
    for pattern, word in _RULES:
        match = pattern.fullmatch(text)
        if match:
            name, (chinese, english) = word(match)
            return Violation(_join(path, name), chinese, english)
    return Violation(path, f"内容不符合要求:{text}", text)


def _split(message: str) -> tuple[str, str]:
    """msgspec's sentence and the path after it, `$` taken off: `plan[2].by`."""
    text, _, path = message.rpartition(" - at `")
    if not text:
        return message, ""
    path = path.removesuffix("`").removeprefix("key in `")
    return text, path.removesuffix("`").removeprefix("$").removeprefix(".")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name


def _type_names(text: str) -> Sentence:
    known = [_TYPES.get(name, (name, name)) for name in text.split(" | ") if name != "null"]
    return "或".join(chinese for chinese, _ in known), " or ".join(english for _, english in known)


def _missing(match: re.Match[str]) -> tuple[str, Sentence]:
    return match[1], ("缺少必填字段", "required field is missing")


def _unknown(match: re.Match[str]) -> tuple[str, Sentence]:
    return match[1], ("未知字段", "unknown field")


def _wrong_type(match: re.Match[str]) -> tuple[str, Sentence]:
    chinese, english = _type_names(match[1])
    if match[2] == "null":
        return "", (f"不能为空,应为{chinese}", f"must not be null; expected {english}")
    got = _type_names(match[2])
    return "", (f"类型应为{chinese},收到的是{got[0]}", f"expected {english}, got {got[1]}")


def _length(match: re.Match[str]) -> tuple[str, Sentence]:
    chinese, english = _UNITS.get(match[1], ("项", "items"))
    number = match[3]
    if match[2] == ">=":
        short = "不能为空" if number == "1" else f"至少 {number} {chinese}"
        return "", (short, f"at least {number} {english}" if number != "1" else "must not be empty")
    if match[2] == "<=":
        return "", (f"不能超过 {number} {chinese}", f"at most {number} {english}")
    return "", (f"应为 {number} {chinese}", f"exactly {number} {english}")


_COMPARISONS = {
    ">=": ("不能小于", "at least"),
    ">": ("应大于", "more than"),
    "<=": ("不能大于", "at most"),
    "<": ("应小于", "less than"),
}


def _bound(match: re.Match[str]) -> tuple[str, Sentence]:
    chinese, english = _COMPARISONS[match[1]]
    return "", (f"{chinese} {match[2]}", f"must be {english} {match[2]}")


_PATTERNS: dict[str, Sentence] = {
    get_args(EntityId)[1].pattern: (
        "只能用字母、数字、点、横线、下划线,以字母或数字开头,最长 64 个字符",
        "letters, digits, '.', '-' and '_' only; a letter or digit first; at most 64 characters",
    ),
}
"""What may be written, in words, where clerks write it; any other pattern is told as it is."""


def _pattern(match: re.Match[str]) -> tuple[str, Sentence]:
    if match[1] in _PATTERNS:
        return "", _PATTERNS[match[1]]
    return "", (f"格式不对,应符合 {match[1]}", f"must match {match[1]}")


def _enum(match: re.Match[str]) -> tuple[str, Sentence]:
    return "", (f"没有 {match[1]} 这个选项", f"{match[1]} is not one of the choices")


def _encoding(match: re.Match[str]) -> tuple[str, Sentence]:
    name = {"date": "date", "datetime": "datetime", "decimal": "decimal", "base64": "bytes"}.get(match[1], match[1])
    chinese, english = _TYPES.get(name, (name, name))
    return "", (f"应为{chinese}", f"must be {english}")


def _time_zone(_: re.Match[str]) -> tuple[str, Sentence]:
    return "", ("时间须注明时区", "the instant needs a time zone")


_RULES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], tuple[str, Sentence]]], ...] = (
    (re.compile(r"Object missing required field `(.*)`"), _missing),
    (re.compile(r"Object contains unknown field `(.*)`", re.DOTALL), _unknown),
    (re.compile(r"Expected `([^`]*)`, got `([^`]*)`"), _wrong_type),
    (re.compile(r"Expected `([^`]*)` of (?:at (?:least|most) )?length (>=|<=|==)? ?(\d+)"), _length),
    (re.compile(r"Expected `[^`]*` (>=|>|<=|<) (\S+)"), _bound),
    (re.compile(r"Expected `str` matching regex '(.*)'", re.DOTALL), _pattern),
    (re.compile(r"Invalid enum value (.*)", re.DOTALL), _enum),
    (re.compile(r"Invalid (?:RFC3339 encoded )?(date|datetime|decimal|base64)(?: encoded)?(?: string)?"), _encoding),
    (re.compile(r"Expected `datetime` with a timezone component"), _time_zone),
)
