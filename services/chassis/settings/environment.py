"""How environment variables become a Struct of settings.

`BIZENV_HTTP_PORT` sets the field `http_port`; `BIZENV_HTTP_PORT_FILE` names a file that holds the value (for
secrets). A variable set to nothing counts as not set. An unknown `BIZENV_…` variable is refused, so that no typo
goes unseen (in Kubernetes switch `enableServiceLinks` off: a Service named bizenv would add variables of its own).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec
from msgspec.structs import FieldInfo, fields

from services.chassis.settings.addresses import without_secrets
from services.chassis.settings.rules import PREFIX, Words, flaw_of, is_secret, rule_of, variable
from services.chassis.settings.secret import Secret

T = TypeVar("T", bound=msgspec.Struct)
_FILE = "_FILE"
_SHOWN = 200
_ALIKE = 0.75
"""How alike, of 1, a name must be to be taken for a slip."""
_TWICE = Words("不能与同名的 _FILE 变量同时设置", "it is set both directly and by a file")
_UNREADABLE = Words("应为可读文本文件的路径", "expected the path of a readable text file")


class SettingsError(ValueError):
    """A setting that can't be used; one sentence names the variable, its value and the rule."""


def read(struct: type[T], environ: Mapping[str, str]) -> T:
    """The settings in this environment; raises SettingsError for the first that is unknown or can't be used."""
    known = {variable(field): field for field in fields(struct)}
    values: dict[str, Any] = {}
    for name in sorted(environ):
        if name.startswith(PREFIX) and environ[name] != "":
            field = _field(name, known)
            if field.name in values:
                refuse(name, "…", _TWICE)
            values[field.name] = _value(name, environ[name], field)
    return struct(**values)


def _field(name: str, known: Mapping[str, FieldInfo]) -> FieldInfo:
    field = known.get(name) or known.get(name.removesuffix(_FILE))
    if field is not None:
        return field
    ends = {each.removeprefix(PREFIX): each for each in known}  # what all begin with makes nothing alike
    near = [ends[end] for end in difflib.get_close_matches(name.removeprefix(PREFIX), ends, n=1, cutoff=_ALIKE)]
    hint, english = (f",是否应为 {near[0]}?", f"; did you mean {near[0]}?") if near else ("", "")
    raise SettingsError(f"不认识环境变量 {name}{hint} · the environment variable {name} is not known{english}")


def _value(name: str, text: str, field: FieldInfo) -> Any:
    shown = "…" if is_secret(field) else text
    if name != variable(field):
        text, shown = _content(name, text), text
    try:
        value = msgspec.convert(text, field.type, strict=False, dec_hook=_own)
    except msgspec.ValidationError:
        refuse(name, shown, rule_of(field))
    if isinstance(value, float) and not math.isfinite(value):
        refuse(name, shown, rule_of(field))
    if (flaw := flaw_of(field, value)) is not None:
        refuse(name, shown, flaw)
    return value


def _content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        refuse(name, path, _UNREADABLE)


def _own(kind: type, value: str) -> Path | Secret:
    if not value or kind not in (Path, Secret):
        raise ValueError("expected a value")
    return Path(value) if kind is Path else Secret(value)


def refuse(name: str, shown: str, rule: Words) -> NoReturn:
    """Without the cause: its text may hold a secret value, and the sentence says it all."""
    shown = without_secrets(shown)
    shown = shown if shown.isprintable() and len(shown) <= _SHOWN else repr(shown)[:_SHOWN]
    raise SettingsError(
        f"环境变量 {name}={shown} 无效:{rule.chinese} · {name}={shown} is not valid: {rule.english}"
    ) from None
