"""Every kind of wrong value is refused with its field's path and a sentence in both languages."""

from __future__ import annotations

import enum
import json
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.domain import Name, Text
from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation import convert, decode_json, violation_of


class Stage(enum.Enum):
    PREPARED = "prepared"


class Step(msgspec.Struct, forbid_unknown_fields=True):
    by: date
    remark: str | None = None
    next: tuple[Step, ...] = ()


class Order(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    count: Annotated[int, msgspec.Meta(ge=0, le=10)] = 0
    free: int = 0
    above: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=3)] = "a"
    exact: Annotated[str, msgspec.Meta(min_length=2)] = "aa"
    code: Annotated[str, msgspec.Meta(pattern="^a+$")] = "a"
    note: str | None = None
    share: Decimal | None = None
    urgent: bool = False
    stage: Stage = Stage.PREPARED
    level: Literal["x", "y"] = "x"
    plan: tuple[Step, ...] = ()
    few: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=2)] = (1,)
    labels: dict[str, int] = {}
    words: dict[str, str] = {}
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    digest: bytes = b""


class Shares(msgspec.Struct):
    shares: tuple[Parts, ...] = ()


class Parts(msgspec.Struct):
    parts: dict[str, Decimal] = {}
    whole: Shares | None = None


WRONG = [
    ('{"count": -1}', "count", "不能小于 0", "must be at least 0"),
    ('{"count": 11}', "count", "不能大于 10", "must be at most 10"),
    ('{"above": 0}', "above", "应大于 0.0", "must be more than 0.0"),
    ('{"above": 1}', "above", "应小于 1.0", "must be less than 1.0"),
    ('{"count": "a"}', "count", "类型应为整数,收到的是文本", "expected a whole number, got text"),
    ('{"count": 1.5}', "count", "类型应为整数,收到的是数字", "expected a whole number, got a number"),
    ('{"count": null}', "count", "不能为空,应为整数", "must not be null; expected a whole number"),
    (
        '{"free": 9007199254740992}',
        "free",
        "整数超出范围(±9007199254740991)",
        "the number must lie within ±9007199254740991",
    ),
    ('{"name": ""}', "name", "不能为空", "must not be empty"),
    ('{"name": "aaaa"}', "name", "不能超过 3 个字符", "at most 3 characters"),
    ('{"exact": "a"}', "exact", "至少 2 个字符", "at least 2 characters"),
    ('{"code": "b"}', "code", "格式不对,应符合 ^a+$", "must match ^a+$"),
    ('{"note": 1}', "note", "类型应为文本,收到的是整数", "expected text, got a whole number"),
    ('{"note": "a\\u0000b"}', "note", "文本含有不能保存的字符", "the text holds a character that cannot be kept"),
    (
        '{"words": {"a\\u0000": "b"}}',
        "words[...]",
        "文本含有不能保存的字符",
        "the text holds a character that cannot be kept",
    ),
    ('{"share": "x"}', "share", "应为十进制数", "must be a decimal number"),
    (
        '{"urgent": 1}',
        "urgent",
        "类型应为真假值(true/false),收到的是整数",
        "expected true or false, got a whole number",
    ),
    ('{"stage": "z"}', "stage", "没有 'z' 这个选项", "'z' is not one of the choices"),
    ('{"level": "z"}', "level", "没有 'z' 这个选项", "'z' is not one of the choices"),
    ('{"plan": [{"by": "2017-13-01"}]}', "plan[0].by", "应为日期(年-月-日)", "must be a date (YYYY-MM-DD)"),
    ('{"plan": [{"by": "2017-01-01"}, {}]}', "plan[1].by", "缺少必填字段", "required field is missing"),
    ('{"plan": [{"by": "2017-01-01", "x": 1}]}', "plan[0].x", "未知字段", "unknown field"),
    ('{"plan": {}}', "plan", "类型应为列表,收到的是对象", "expected a list, got an object"),
    ('{"few": []}', "few", "不能为空", "must not be empty"),
    ('{"few": [1, 2, 3]}', "few", "不能超过 2 项", "at most 2 items"),
    ('{"labels": {"a": "b"}}', "labels[...]", "类型应为整数,收到的是文本", "expected a whole number, got text"),
    ('{"at": "2017-01-01T00:00:00"}', "at", "时间须注明时区", "the instant needs a time zone"),
    ('{"at": "soon"}', "at", "应为带时区的时间", "must be an instant with a time zone"),
    ('{"digest": "***"}', "digest", "应为数据(base64)", "must be base64 text"),
    ('{"other": 1}', "other", "未知字段", "unknown field"),
    ("{", "body", "不是有效的 JSON", "not valid JSON"),
    ("", "body", "不是有效的 JSON", "not valid JSON"),
    ("[]", "body", "类型应为对象,收到的是列表", "expected an object, got a list"),
    ('{"count": NaN}', "body", "不是有效的 JSON", "not valid JSON"),
]


@pytest.mark.parametrize(("text", "field", "message", "english"), WRONG)
def test_names_the_field_and_the_rule(text: str, field: str, message: str, english: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode_json(text.encode(), Order)
    assert refused.value.violations == (Violation(field, message, english),)


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e99999", "1E+3", "1234567890123456", "0.1234567", "-sNaN"])
def test_refuses_a_decimal_that_is_not_in_plain_notation(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        convert({"share": text}, Order)
    assert refused.value.violations[0].field == "share"


@pytest.mark.parametrize("text", ["\u0665\u0660", "\uff15\uff10", "1\u0665", "1_000"])
def test_refuses_a_decimal_in_other_digits(text: str) -> None:
    body = json.dumps({"share": text}).encode()
    with pytest.raises(InvalidRequest) as converted:
        convert({"share": text}, Order)
    with pytest.raises(InvalidRequest) as decoded:
        decode_json(body, Order)
    sentences = ("请用半角数字 0–9 填写", "write the number with the digits 0 to 9")
    assert converted.value.violations == decoded.value.violations == (Violation("share", *sentences),)


def test_refuses_other_digits_at_any_depth() -> None:
    with pytest.raises(InvalidRequest) as refused:
        convert({"shares": [{"parts": {"a": "1", "b": "\uff11"}}]}, Shares)
    assert refused.value.violations[0].field == "shares[0].parts[...]"
    assert convert({"shares": [{"parts": {"a": "1.50"}}]}, Shares).shares[0].parts == {"a": Decimal("1.50")}


@pytest.mark.parametrize("text", ["0", "-0.5", "123456789012345.123456", "35.40"])
def test_takes_a_decimal_as_it_was_written(text: str) -> None:
    assert str(convert({"share": text}, Order).share) == text


def test_checks_a_struct_that_holds_its_own_kind() -> None:
    deep = b'{"plan": [{"by": "2017-01-01", "next": [{"by": "2017-02-01", "remark": "\\u0000"}]}]}'
    with pytest.raises(InvalidRequest) as refused:
        decode_json(deep, Order)
    assert refused.value.violations[0].field == "plan[0].next[0].remark"


@pytest.mark.parametrize("data", [b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[" * 1_000_000])
def test_refuses_what_is_not_json_text(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        decode_json(data, dict[str, Any])


def test_refuses_half_a_surrogate_pair_in_plain_values() -> None:
    with pytest.raises(InvalidRequest) as refused:
        convert({"note": "\ud800"}, Order)
    assert refused.value.violations[0].field == "note"


def test_a_patterned_text_does_not_end_with_a_line_break() -> None:
    """`$` would let it pass, and it would become part of a stream's name."""
    with pytest.raises(InvalidRequest) as refused:
        decode_json(b'{"code": "a\\n"}', Order)
    assert refused.value.violations[0].field == "code"


class Shared(msgspec.Struct):
    by: date
    inner: tuple[Shared, ...] = ()


class Uses(msgspec.Struct, forbid_unknown_fields=True):
    shared: tuple[Shared, ...] = ()
    named: dict[str, Shared] = {}
    one: Shared | None = None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"shared": [{"by": "2017-01-01"}, {"by": "2017-01-01", "bye": 1}]}', "shared[1].bye"),
        ('{"named": {"a": {"by": "2017-01-01", "x": 1}}}', "named.a.x"),
        ('{"one": {"by": "2017-01-01", "inner": [{"by": "2017-01-01", "y": 1}]}}', "one.inner[0].y"),
    ],
)
def test_unknown_fields_are_refused_in_structs_that_events_share(body: str, field: str) -> None:
    """Tolerant in an event, the same Struct is strict in a command, at any depth."""
    with pytest.raises(InvalidRequest) as refused:
        decode_json(body.encode(), Uses)
    assert refused.value.violations[0].field == field
    with pytest.raises(InvalidRequest):
        convert(msgspec.json.decode(body), Uses)


def test_reads_numbers_and_truth_from_text_where_asked() -> None:
    read = convert({"count": "5", "urgent": "true", "share": "1.5", "few": ["1", "2"]}, Order, from_text=True)
    assert (read.count, read.urgent, read.share, read.few) == (5, True, Decimal("1.5"), (1, 2))


def test_hands_on_a_message_of_a_kind_it_does_not_know() -> None:
    violation = violation_of(msgspec.ValidationError("Something new - at `$.plan[0]`"))
    assert violation == Violation("plan[0]", "内容不符合要求:Something new", "Something new")


class Written(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Name = "a"
    remark: Text | None = None
    names: tuple[Name, ...] = ()


BLANKS = "\u0020\u00a0\u2003\u3000\u200b\u200d\u2060\ufeff\u00ad\u180e\u3164\u2800\u0301\ufe0f"
DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
BREAKS = "\t\n\r\u0085\u2028\u2029"
CONTROL = "".join(chr(code) for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in BREAKS)
ONE_LINE = "应写在一行内"
TURNS = "改变书写方向"
UNSEEN = "空白"


def refusal(value: dict[str, Any]) -> Violation:
    """The same at JSON doors and at those that hand over plain values."""
    with pytest.raises(InvalidRequest) as plain:
        convert(value, Written)
    with pytest.raises(InvalidRequest) as sent:
        decode_json(msgspec.json.encode(value), Written)
    (violation,) = plain.value.violations
    assert sent.value.violations == (violation,)
    return violation


@given(st.text("甲乙a1 ", max_size=5), st.text("丙b2", min_size=1, max_size=5), st.sampled_from(DIRECTIONS + CONTROL))
def test_no_name_and_no_text_holds_control_or_direction_characters(before: str, after: str, char: str) -> None:
    for field in ("name", "remark"):
        found = refusal({field: before + char + after})
        assert found.field == field
        if char != "\0":
            assert (TURNS in found.message) == (char in DIRECTIONS)
            assert f"U+{ord(char):04X}" in found.english


@given(st.text("甲a", max_size=3), st.sampled_from(BREAKS), st.text("乙b", max_size=3))
def test_a_name_is_one_line_and_a_text_may_have_more(before: str, char: str, after: str) -> None:
    found = refusal({"names": ["甲", before + char + after]})
    assert (found.field, ONE_LINE in found.message) == ("names[1]", True)
    if before + after:
        written = before + char + after
        assert convert({"remark": written}, Written).remark == written


@given(st.text(BLANKS, min_size=1, max_size=8))
def test_what_is_blank_or_unseen_is_no_name_and_no_text(blank: str) -> None:
    for field in ("name", "remark"):
        found = refusal({field: blank})
        assert (found.field, UNSEEN in found.message) == (field, True)
        assert convert({field: f"{blank}路"}, Written)


def test_the_contracts_say_what_the_doors_hold_to() -> None:
    told = msgspec.json.schema(Written)["$defs"]["Written"]["properties"]
    line, lines = told["name"]["pattern"], told["remark"]["anyOf"][0]["pattern"]
    for char in DIRECTIONS + CONTROL:
        assert not re.fullmatch(line, f"a{char}b")
        assert not re.fullmatch(lines, f"a{char}b")
    for char in BREAKS:
        assert not re.fullmatch(line, f"a{char}b")
        assert re.fullmatch(lines, f"a{char}b")
