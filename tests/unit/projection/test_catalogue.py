"""Labels, forms, formats and charts: nothing is without its words, and every chart is well-formed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.auth import Role
from services.policy_registry.events import DutyForm, Every, Origin, UnitKind
from services.project_tracking.events import (
    PROJECT_EVENTS,
    Lamp,
    LampReason,
    MilestoneKind,
    ProjectKind,
    ProjectLevel,
    Stage,
    Step,
)
from services.project_tracking.project.decider import INTERNAL, PROJECT
from services.projection.cockpit.charts import (
    Line,
    curves,
    lamp_bar,
    nice_top,
    paired_columns,
    share_bar,
    stacked_columns,
)
from services.projection.cockpit.formats import Formats
from services.projection.cockpit.forms import FormField, Known, form_fields
from services.projection.cockpit.labels import LABELS, Language, Texts
from services.projection.queries import AttentionKind, ProjectOrder

COCKPIT = Path(__file__).parents[3] / "services" / "projection" / "cockpit"
COMMANDS = [command for command in PROJECT.decisions if command not in INTERNAL]
ENUMS: dict[str, type[StrEnum]] = {
    "lamp": Lamp,
    "stage": Stage,
    "kind": ProjectKind,
    "level": ProjectLevel,
    "step": Step,
    "milestone": MilestoneKind,
    "reason": LampReason,
    "attention": AttentionKind,
    "order": ProjectOrder,
    "unitkind": UnitKind,
    "duty": DutyForm,
    "every": Every,
    "origin": Origin,
}


def test_every_label_has_both_languages_with_the_same_places() -> None:
    for key, (chinese, english) in LABELS.items():
        assert chinese or key == "unit.projects", key
        assert set(re.findall(r"{(\w+)}", chinese)) == set(re.findall(r"{(\w+)}", english)), key


@pytest.mark.parametrize(("prefix", "kind"), ENUMS.items())
def test_every_word_of_the_field_has_a_label(prefix: str, kind: type[StrEnum]) -> None:
    assert [member for member in kind if f"{prefix}.{member.value}" not in LABELS] == []


def test_every_role_and_every_event_has_a_label() -> None:
    assert [role for role in Role if role is not Role.SYSTEM and f"role.{role.value}" not in LABELS] == []
    assert [event.type for event in PROJECT_EVENTS if f"event.{event.type}" not in LABELS] == []


def test_every_text_that_the_templates_name_is_in_the_catalogue() -> None:
    for template in sorted((COCKPIT / "templates").glob("*.html")):
        for key in re.findall(r"""\bt\('([a-z_.0-9]+)'\s*[,)]""", template.read_text(encoding="utf-8")):
            assert key in LABELS, (template.name, key)


def test_no_chinese_text_stands_in_a_template_or_script() -> None:
    for source in [*(COCKPIT / "templates").glob("*.html"), *(COCKPIT / "static").glob("*.js")]:
        lines = source.read_text(encoding="utf-8").splitlines()
        loose = [line for line in lines if re.search(r"[一-鿿]", line) and "// " not in line and '"zh"' not in line]
        assert [line for line in loose if "亿元" not in line] == [], source.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_every_field_has_a_label(command: type[Any]) -> None:
    assert f"command.{command.__name__}" in LABELS
    forms = (form_fields(command, None, Texts("zh"), Known(correct=correct)) for correct in (False, True))
    assert {path for form in forms for path in _paths(form) if f"field.{path}" not in LABELS} == set()


def _paths(fields: Iterable[FormField]) -> Iterator[str]:
    """Every path of a form; those in a row without the row's place."""
    for each in fields:
        yield each.path.replace(".#.", ".")
        yield from _paths((*each.fields, *each.blank))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_form_asks_for_what_the_command_needs(command: type[Any]) -> None:
    fields = {each.path: each for each in form_fields(command, "project_id", Texts("zh"), Known())}
    assert "project_id" not in fields
    assert "correction_reason" not in fields
    assert fields["occurred_on"].widget == "date"
    assert fields["occurred_on"].required
    corrected = {each.path: each for each in form_fields(command, "project_id", Texts("zh"), Known(correct=True))}
    if "correction_reason" in command.__struct_fields__:
        assert corrected["correction_reason"].required


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_a_field_holds_is_said_in_words_and_in_no_pattern(command: type[Any], language: Language) -> None:
    for each in _flat(form_fields(command, None, Texts(language), Known())):
        if each.pattern or each.widget in ("whole", "decimal", "date", "month"):
            assert each.words, each.path
            assert not set("^$[]{}") & set(each.words), each.path


def _flat(fields: Iterable[FormField]) -> Iterator[FormField]:
    for each in fields:
        yield each
        yield from _flat((*each.fields, *each.blank))


def test_a_form_knows_the_kinds_of_fields() -> None:
    command = next(each for each in COMMANDS if each.__name__ == "RequestRebaseline")
    plan = next(each for each in form_fields(command, "project_id", Texts("en"), Known()) if each.path == "plan")
    inner = {each.path: each for each in plan.fields}
    assert plan.widget == "group"
    assert inner["plan.points"].widget == "rows"
    assert [each.path for each in inner["plan.points"].blank] == ["plan.points.#.by", "plan.points.#.invested_yuan"]
    assert {each.name: each.widget for each in inner["plan.milestones"].blank}["kind"] == "select"


def test_money_and_shares_are_short_and_missing_is_a_dash() -> None:
    zh, en = Formats("zh"), Formats("en")
    assert zh.money(1_234_000_000) == "12.34亿元"
    assert zh.money(12_345_678_900) == "123.5亿元"
    assert zh.money(3_456_0000) == "3,456万元"
    assert zh.money(0) == "0万元"
    assert en.money(1_234_000_000) == "¥1.23 bn"
    assert zh.money(None) == zh.permille(None) == zh.percent(None) == zh.day(None) == "–"
    assert zh.permille(953) == "95.3%"
    assert zh.percent(Decimal("50.50")) == "50.5%"


def test_charts_are_well_formed_without_inline_style() -> None:
    odd = '"<&>'
    days = [date(2017, month, 28) for month in range(1, 13)]
    line = Line("plan", [(day, index * 10**8 if index != 4 else None) for index, day in enumerate(days)])
    charts = [
        lamp_bar([(Lamp.RED, 3, odd), (Lamp.GREEN, 0, odd)], odd),
        lamp_bar([], odd),
        share_bar(None, odd),
        share_bar(1801, odd),
        paired_columns([odd, "2"], [1.0, 0.0], [None, 3.2], odd),
        paired_columns([], [], [], odd),
        stacked_columns([odd], [[(Lamp.RED, 1), (Lamp.NO_BASELINE, 2)]], odd),
        curves([line], date(2017, 6, 1), [(days[3], True, odd)], odd, 10**8),
    ]
    for chart in charts:
        ElementTree.fromstring(str(chart))
        assert "style=" not in chart
    assert curves([], date(2017, 6, 1), [], odd, 1) == ""


@given(st.floats(min_value=0, max_value=1e12))
def test_an_axis_ends_at_or_above_its_highest_value(value: float) -> None:
    top = nice_top(value)
    assert top >= value
    assert top <= max(value * 2, 1) or value < 1
