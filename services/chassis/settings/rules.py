"""What a setting's value must be, in words, from its type; and the rows of the table of settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Meta
from msgspec import inspect as kinds
from msgspec.structs import FieldInfo, fields

PREFIX = "BIZENV_"


class Words(msgspec.Struct, frozen=True):
    """One statement in both languages."""

    chinese: str
    english: str


class SettingRow(msgspec.Struct, frozen=True):
    """One line of the table of settings. `default` is empty where there is none."""

    variable: str
    rule: Words
    default: str
    meaning: Words
    secret: bool

    @property
    def field(self) -> str:
        """The name of the setting in the Struct that declares it."""
        return self.variable.removeprefix(PREFIX).lower()


def documented(chinese: str, english: str, *, secret: bool = False) -> Meta:
    """The meaning of a setting; the value of a `secret` one is never shown."""
    return Meta(extra={"meaning": Words(chinese, english), "secret": secret})


def worded(chinese: str, english: str) -> Meta:
    """The rule of a type whose limits don't say it themselves (a pattern)."""
    return Meta(extra={"rule": Words(chinese, english)})


def checked(flaw: Callable[[str], Words | None]) -> Meta:
    """What a type can't say of a text: `flaw` names what is wrong with it, precisely; None: nothing."""
    return Meta(extra={"flaw": flaw})


def flaw_of(field: FieldInfo, value: object) -> Words | None:
    """What is wrong with this value although it is of the field's type; None: nothing."""
    flaw = _extra(kinds.type_info(field.type)).get("flaw")
    found: Words | None = None if flaw is None else flaw(value)
    return found


def variable(field: FieldInfo) -> str:
    """The environment variable of a field: `http_port` is BIZENV_HTTP_PORT."""
    return PREFIX + field.name.upper()


def is_secret(field: FieldInfo) -> bool:
    return bool(_extra(kinds.type_info(field.type)).get("secret"))


def rule_of(field: FieldInfo) -> Words:
    """What its value must be."""
    return _rule(kinds.type_info(field.type))


def rows(struct: type[msgspec.Struct]) -> list[SettingRow]:
    """The table of the settings declared by this Struct, in its order."""
    return [_row(field) for field in fields(struct)]


def _row(field: FieldInfo) -> SettingRow:
    meaning = _extra(kinds.type_info(field.type))["meaning"]
    default = None if field.default is msgspec.NODEFAULT else field.default
    return SettingRow(variable(field), rule_of(field), written(default), meaning, is_secret(field))


def written(value: object) -> str:
    """A value as one would write it into the environment; None is empty."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _extra(info: kinds.Type) -> dict[str, Any]:
    """What the annotations of a type say, the outer ones over the inner, also of one that may be None."""
    if isinstance(info, kinds.UnionType) and isinstance(info.types[-1], kinds.NoneType):
        return _extra(info.types[0])
    if not isinstance(info, kinds.Metadata):
        return {}
    return _extra(info.type) | (info.extra or {})


def _rule(info: kinds.Type) -> Words:
    if "rule" in (extra := _extra(info)):
        rule: Words = extra["rule"]
        return rule
    match info:
        case kinds.Metadata(type=inner):
            return _rule(inner)
        case kinds.UnionType(types=(inner, kinds.NoneType())):
            return _rule(inner)
        case kinds.BoolType():
            return Words("应为 true 或 false", "true or false")
        case kinds.LiteralType(values=values):
            names = [str(value) for value in values]
            return Words(f"应为 {'、'.join(names)} 之一", f"one of {', '.join(names)}")
        case kinds.IntType():
            return _number(info, "整数", "an integer")
        case kinds.FloatType():
            return _number(info, "数", "a number")
    return Words("应为文件夹路径", "a path")


def _number(info: kinds.IntType | kinds.FloatType, chinese: str, english: str) -> Words:
    if info.gt is not None:
        return Words(
            f"应为大于 {info.gt}、不超过 {info.le} 的{chinese}", f"{english} above {info.gt}, at most {info.le}"
        )
    return Words(f"应为 {info.ge} 至 {info.le} 的{chinese}", f"{english} from {info.ge} to {info.le}")
