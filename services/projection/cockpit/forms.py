"""Forms made from command Structs: each field's widget, rules and choices follow from its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from msgspec import inspect

from services.chassis.domain import Command, EntityId
from services.policy_registry.events.unit_registry import UnitCode
from services.project_tracking.events.terms import Uscc
from services.projection.cockpit.labels import Texts

Choices = Sequence[tuple[str, str]]
_ENUM_LABELS = {"ProjectKind": "kind", "ProjectLevel": "level", "Step": "step", "MilestoneKind": "milestone"}
_LONG = 500
"""Texts that may be longer than this get a box of several lines."""


@dataclass(frozen=True)
class FormField:
    """A field as the template draws it. `path` leads to it in the command (`plan.points`); `data` is the JSON type
    that the browser makes of it. `words` say what may stand in it, to who filled in something else. `rows` are the
    given rows of a list, `blank` an empty one to add."""

    path: str
    label: str
    widget: str
    data: str
    required: bool
    hint: str = ""
    value: str = ""
    pattern: str = ""
    words: str = ""
    maximum_length: int | None = None
    choices: Choices = ()
    fields: tuple[FormField, ...] = ()
    rows: tuple[tuple[FormField, ...], ...] = ()
    blank: tuple[FormField, ...] = ()

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]


@dataclass(frozen=True)
class Known:
    """What is known when a form opens: choices and values by path; whether it corrects a recorded fact."""

    choices: Mapping[str, Choices] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)
    correct: bool = False


def form_fields(command: type[Command], identity: str | None, t: Texts, known: Known) -> tuple[FormField, ...]:
    """The fields to fill in, in the order of the command; `identity` is left out when the path holds it."""
    info = inspect.type_info(command)
    assert isinstance(info, inspect.StructType)
    shown = [each for each in info.fields if each.name != identity and _asked(each.name, known)]
    return tuple(_field(each.name, each.type, each.required or each.name == _REASON, t, known) for each in shown)


_REASON = "correction_reason"


def _asked(name: str, known: Known) -> bool:
    """The reason of a correction is asked for when something is corrected, and only then."""
    return known.correct or name != _REASON


def _field(path: str, info: inspect.Type, required: bool, t: Texts, known: Known) -> FormField:
    inner, rules = _unwrap(info)
    label = _label(path, t)
    if isinstance(inner, inspect.StructType):
        fields = tuple(_field(f"{path}.{one.name}", one.type, one.required, t, known) for one in inner.fields)
        return FormField(path, label, "group", "object", required, fields=fields)
    if isinstance(inner, inspect.VarTupleType | inspect.ListType):
        return _rows(path, inner, label, required, t, known)
    widget, data = _widget(path, inner, rules, known)
    return FormField(
        path=path,
        label=label,
        widget=widget,
        data=data,
        required=required,
        hint=_hint(path, t),
        value=_value(path, known),
        pattern=rules.get("pattern") or "",
        words=_words(path, widget, rules.get("pattern") or "", t),
        maximum_length=rules.get("max_length"),
        choices=_choices(path, inner, t, known),
    )


def _rows(path: str, info: Any, label: str, required: bool, t: Texts, known: Known) -> FormField:
    item, _ = _unwrap(info.item_type)
    assert isinstance(item, inspect.StructType)
    given: Sequence[Mapping[str, Any]] = known.values.get(path, ())
    rows = tuple(_row(path, index, item, given[index], t, known) for index in range(len(given)))
    blank = _row(path, "#", item, {}, t, known)
    return FormField(path, label, "rows", "list", required, rows=rows, blank=blank)


def _row(
    path: str, index: int | str, item: inspect.StructType, given: Mapping[str, Any], t: Texts, known: Known
) -> tuple[FormField, ...]:
    fields = []
    for one in item.fields:
        drawn = _field(f"{path}.{one.name}", one.type, one.required, t, known)
        value = given.get(one.name)
        place = f"{path}.{index}.{one.name}"
        fields.append(_at(drawn, place, "" if value is None else str(value)))
    return tuple(fields)


def _at(drawn: FormField, path: str, value: str) -> FormField:
    return FormField(
        path=path,
        label=drawn.label,
        widget=drawn.widget,
        data=drawn.data,
        required=drawn.required,
        value=value,
        pattern=drawn.pattern,
        words=drawn.words,
        maximum_length=drawn.maximum_length,
        choices=drawn.choices,
    )


def _unwrap(info: inspect.Type) -> tuple[inspect.Type, dict[str, Any]]:
    """The type without metadata and None, and its rules."""
    if isinstance(info, inspect.Metadata):
        return _unwrap(info.type)
    if isinstance(info, inspect.UnionType):
        return _unwrap(next(each for each in info.types if not isinstance(each, inspect.NoneType)))
    names = ("pattern", "min_length", "max_length", "ge", "le")
    return info, {name: getattr(info, name, None) for name in names}


def _widget(path: str, info: inspect.Type, rules: Mapping[str, Any], known: Known) -> tuple[str, str]:
    """(how it is drawn, what JSON it becomes)."""
    if path in known.choices or isinstance(info, inspect.EnumType):
        return "select", "int" if isinstance(info, inspect.IntType) else "text"
    if isinstance(info, inspect.BoolType):
        return "checkbox", "bool"
    if isinstance(info, inspect.DateType):
        return "date", "text"
    if isinstance(info, inspect.IntType):
        return "whole", "int"
    if isinstance(info, inspect.DecimalType):
        return "decimal", "text"
    if rules.get("max_length") == 7 and "0[1-9]" in (rules.get("pattern") or ""):
        return "month", "text"
    return ("area" if (rules.get("max_length") or 0) > _LONG else "line"), "text"


def _choices(path: str, info: inspect.Type, t: Texts, known: Known) -> Choices:
    if path in known.choices:
        return known.choices[path]
    if isinstance(info, inspect.EnumType):
        prefix = _ENUM_LABELS[info.cls.__name__]
        return tuple((str(member.value), t(f"{prefix}.{member.value}")) for member in info.cls)
    return ()


_PATTERN_WORDS = {EntityId: "wrong.id", UnitCode: "wrong.unit_code", Uscc: "wrong.uscc"}
_BY_PATTERN = {get_args(kind)[1].pattern: key for kind, key in _PATTERN_WORDS.items()}


def _words(path: str, widget: str, pattern: str, t: Texts) -> str:
    """What to write instead, in words: never the pattern itself."""
    if widget == "whole":
        return t("wrong.yuan" if path.endswith("_yuan") else "wrong.whole")
    key = _BY_PATTERN.get(pattern, f"wrong.{widget}")
    return t(key) if t.has(key) else ""


def _value(path: str, known: Known) -> str:
    value = known.values.get(path)
    return "" if value is None else str(value.value if hasattr(value, "value") else value)


def _label(path: str, t: Texts) -> str:
    return t(f"field.{path}")


def _hint(path: str, t: Texts) -> str:
    name = path.rpartition(".")[2]
    key = "hint.yuan" if name.endswith("_yuan") else f"hint.{name}"
    return t(key) if t.has(key) else ""
