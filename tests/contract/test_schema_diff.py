"""Each rule of a schema, read in both directions: what narrows it breaks callers, what widens it breaks readers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from services.chassis.contracts.schema_diff import RECEIVED, RECORDED, SENT, Change, SchemaDiff

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
NONE = "none"
NULL: Schema = {"type": "null"}
PROPERTIES: Schema = {"properties": {"a": TEXT}}


def union(*members: Schema) -> Schema:
    return {"anyOf": list(members)}


def breaks(old: Schema, new: Schema, breaking: Change) -> list[str]:
    return list(SchemaDiff(old, new, breaking).breaks(old, new, "x"))


def assert_one_way(wide: Schema, narrow: Schema, narrowed: str, widened: str) -> None:
    assert breaks(wide, narrow, RECEIVED) == breaks(wide, narrow, RECORDED) == [narrowed]
    assert breaks(narrow, wide, SENT) == breaks(narrow, wide, RECORDED) == [widened]
    assert breaks(wide, narrow, SENT) == breaks(narrow, wide, RECEIVED) == []


# keyword, its value in the wide schema (NONE: it isn't there), in the narrow one
KEYWORDS: list[tuple[str, Any, Any]] = [
    ("type", NONE, "string"),
    ("type", "number", "integer"),
    ("minimum", NONE, 1),
    ("minimum", 1, 2),
    ("exclusiveMinimum", 1, 2),
    ("maximum", NONE, 2),
    ("maximum", 2, 1),
    ("exclusiveMaximum", 2, 1),
    ("multipleOf", NONE, 2),
    ("multipleOf", 2, 4),
    ("minLength", NONE, 1),
    ("minLength", 1, 2),
    ("maxLength", NONE, 9),
    ("maxLength", 9, 5),
    ("pattern", NONE, "a"),
    ("format", NONE, "date"),
    ("contentEncoding", NONE, "base64"),
    ("minItems", 1, 2),
    ("maxItems", 2, 1),
    ("uniqueItems", NONE, True),
    ("minProperties", NONE, 1),
    ("maxProperties", 2, 1),
    ("unheardOf", NONE, 1),
]


@pytest.mark.parametrize(("keyword", "wide", "narrow"), KEYWORDS)
def test_each_keyword_narrows_one_way_and_widens_the_other(keyword: str, wide: Any, narrow: Any) -> None:
    looser, tighter = {} if wide == NONE else {keyword: wide}, {keyword: narrow}
    narrowed, widened = f"narrowed from {wide} to {narrow}", f"widened from {narrow} to {wide}"
    assert_one_way(looser, tighter, f"x: {keyword} was {narrowed}", f"x: {keyword} was {widened}")


# wide, narrow, what narrowing says, what widening says
ONE_WAY: list[tuple[Schema, Schema, str, str]] = [
    (
        TEXT,
        {"enum": ["a"]},
        "x: only listed values are allowed now",
        "x: other than the listed values are allowed now",
    ),
    ({"enum": ["a", "b"]}, {"enum": ["b"]}, "x: the value 'a' is no longer allowed", "x: the value 'a' is allowed now"),
    ({"enum": ["a", "b"]}, {"const": "b"}, "x: the value 'a' is no longer allowed", "x: the value 'a' is allowed now"),
    (union(TEXT, NULL), TEXT, "x: null is no longer allowed", "x: null is allowed now"),
    ({"type": ["string", "null"]}, TEXT, "x: null is no longer allowed", "x: null is allowed now"),
    (union(TEXT, WHOLE, FLAG), union(TEXT, FLAG), "x: integer is no longer allowed", "x: integer is allowed now"),
    (
        union(union(TEXT, WHOLE), NULL),
        union(TEXT, NULL),
        "x: integer is no longer allowed",
        "x: integer is allowed now",
    ),
    (union(TEXT, WHOLE), TEXT, "x: integer is no longer allowed", "x: integer is allowed now"),
    (
        union(TEXT, NULL),
        union({**TEXT, "maxLength": 9}, NULL),
        "x: maxLength was narrowed from none to 9",
        "x: maxLength was widened from 9 to none",
    ),
    ({}, {"items": TEXT}, "x: items was narrowed from any to some", "x: items was widened from some to any"),
    (
        {"items": TEXT},
        {"items": {**TEXT, "maxLength": 9}},
        "x[]: maxLength was narrowed from none to 9",
        "x[]: maxLength was widened from 9 to none",
    ),
    (
        {},
        {"additionalProperties": TEXT},
        "x: additionalProperties was narrowed from any to some",
        "x: additionalProperties was widened from some to any",
    ),
    (
        {"additionalProperties": TEXT},
        {"additionalProperties": False},
        "x: additionalProperties was narrowed from some to none",
        "x: additionalProperties was widened from none to some",
    ),
    (
        {"additionalProperties": {"type": "number"}},
        {"additionalProperties": WHOLE},
        "x{}: type was narrowed from number to integer",
        "x{}: type was widened from integer to number",
    ),
    (
        {"propertyNames": {"minLength": 1}},
        {"propertyNames": {"minLength": 2}},
        "x{key}: minLength was narrowed from 1 to 2",
        "x{key}: minLength was widened from 2 to 1",
    ),
    (
        PROPERTIES,
        {**PROPERTIES, "required": ["a"]},
        "x.a: the field became required",
        "x.a: the field became optional",
    ),
]


@pytest.mark.parametrize(("wide", "narrow", "narrowed", "widened"), ONE_WAY)
def test_narrowing_breaks_callers_and_widening_breaks_readers(
    wide: Schema, narrow: Schema, narrowed: str, widened: str
) -> None:
    assert_one_way(wide, narrow, narrowed, widened)


BOTH_WAYS: list[tuple[Schema, Schema, str]] = [
    (TEXT, WHOLE, "x: type was changed from string to integer"),
    ({"pattern": "a"}, {"pattern": "b"}, "x: pattern was changed from a to b"),
    ({"format": "date"}, {"format": "uuid"}, "x: format was changed from date to uuid"),
    ({"multipleOf": 4}, {"multipleOf": 6}, "x: multipleOf was changed from 4 to 6"),
    ({"default": 1}, {"default": 2}, "x: default was changed from 1 to 2"),
    ({"type": "object"}, {"type": "object", **PROPERTIES}, "x: a map became an object with fields"),
    (PROPERTIES, {}, "x.a: the field was removed"),
    ({**PROPERTIES, "required": ["a"]}, {}, "x.a: the field was removed"),
]


@pytest.mark.parametrize(("old", "new", "sentence"), BOTH_WAYS)
@pytest.mark.parametrize("breaking", [RECEIVED, SENT, RECORDED])
def test_what_takes_another_meaning_breaks_everyone(old: Schema, new: Schema, sentence: str, breaking: Change) -> None:
    assert breaks(old, new, breaking) == [sentence]


def test_another_constant_is_a_value_lost_and_a_value_won() -> None:
    assert breaks({"const": "a"}, {"const": "b"}, RECEIVED) == ["x: the value 'a' is no longer allowed"]
    assert breaks({"const": "a"}, {"const": "b"}, SENT) == ["x: the value 'b' is allowed now"]


HARMLESS: list[tuple[Schema, Schema]] = [
    (PROPERTIES, {"properties": {"a": TEXT, "b": TEXT}}),
    ({"properties": {}}, PROPERTIES),
    ({}, {"description": "words", "title": "X", "examples": [1], "deprecated": True}),
    ({}, {"minLength": 0, "uniqueItems": False, "items": {}}),
    (union(TEXT, WHOLE), union(WHOLE, TEXT)),
    ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}),
    ({**PROPERTIES, "additionalProperties": False}, PROPERTIES),
    ({"$ref": "#/$defs/A", "$defs": {"A": TEXT}}, {"$ref": "#/$defs/B", "$defs": {"B": TEXT}}),
    ({"$ref": "#/$defs/A", "$defs": {"A": {**TEXT, "title": "A"}}}, TEXT),
]


@pytest.mark.parametrize(("old", "new"), HARMLESS)
@pytest.mark.parametrize("breaking", [RECEIVED, SENT, RECORDED])
def test_new_optional_fields_words_and_order_break_nobody(old: Schema, new: Schema, breaking: Change) -> None:
    assert breaks(old, new, breaking) == []


def test_a_list_of_values_may_grow_in_answers_and_not_in_events() -> None:
    old, new = {"enum": ["a", "b"]}, {"enum": ["a", "b", "c"]}
    assert breaks(old, new, RECEIVED) == breaks(old, new, SENT) == []
    assert breaks(old, new, RECORDED) == ["x: the value 'c' is allowed now"]


def test_a_struct_that_holds_itself_is_compared_once() -> None:
    def tree(leaf: Schema) -> Schema:
        own = union({"$ref": "#/$defs/Node"}, NULL)
        node = {"type": "object", "properties": {"leaf": leaf, "left": own, "right": own}}
        return {"$ref": "#/$defs/Node", "$defs": {"Node": node}}

    assert breaks(tree(WHOLE), tree(TEXT), RECEIVED)[0] == "x.leaf: type was changed from integer to string"


def test_the_same_change_of_two_fields_is_told_of_both() -> None:
    old, new = ({"properties": {"a": kind, "b": kind}} for kind in (TEXT, WHOLE))
    said = "type was changed from string to integer"
    assert breaks(old, new, SENT) == [f"x.a: {said}", f"x.b: {said}"]


def test_what_stands_beside_a_reference_counts() -> None:
    definitions = {"$defs": {"A": {**TEXT, "title": "A"}}}
    old, new = ({"$ref": "#/$defs/A", **definitions, "default": default} for default in ("a", "b"))
    assert breaks(old, new, RECEIVED) == ["x: default was changed from 'a' to 'b'"]


def rules(**keywords: list[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in keywords.items()})


def of_type(kind: str, strategy: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return strategy.map(lambda found: {"type": kind, **found})


NUMBERS: dict[str, list[Any]] = {"minimum": [0, 2], "exclusiveMaximum": [3, 5], "multipleOf": [1, 2, 3]}
SCALARS = st.one_of(
    of_type("integer", rules(**NUMBERS)),
    of_type("number", rules(**NUMBERS)),
    of_type("string", rules(minLength=[0, 1], maxLength=[1, 2], pattern=["a", "b"], const=["a"])),
    st.sampled_from([{}, NULL, FLAG, {"enum": ["a", 1]}, {"enum": ["a"]}, {"enum": ["a", "ab"]}]),
)


def nested(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    """Objects hold the same field throughout: that a new one may come is our rule, not the schema's."""
    items = st.fixed_dictionaries({}, optional={"items": inner, "minItems": st.just(1), "uniqueItems": st.booleans()})
    entries = st.fixed_dictionaries({"additionalProperties": st.one_of(st.booleans(), inner)})
    fields = st.fixed_dictionaries(
        {"properties": st.fixed_dictionaries({"a": inner})}, optional={"required": st.just(["a"])}
    )
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda members: union(*members))
    return st.one_of(of_type("array", items), of_type("object", st.one_of(entries, fields)), unions)


SCHEMAS = st.one_of(SCALARS, nested(SCALARS))
PLAIN = st.sampled_from([None, True, 0, 1, 2, 3, 4, 2.5, "", "a", "b", "ab"])
VALUES = st.one_of(PLAIN, st.lists(PLAIN, max_size=2), st.dictionaries(st.sampled_from("ab"), PLAIN, max_size=2))


@settings(max_examples=300, deadline=None)
@given(SCHEMAS, SCHEMAS, VALUES)
def test_without_a_break_every_value_stays_welcome(old: Schema, new: Schema, value: Any) -> None:
    """A validator of its own says so: callers' values under the new schema, ours under the old one."""
    assume(old != new)
    was, is_now = (Draft202012Validator(schema).is_valid(value) for schema in (old, new))
    opened = "'additionalProperties': False" in str(old)  # readers pass over what a closed object didn't know
    assert is_now or not was or breaks(old, new, RECEIVED)
    assert was or not is_now or opened or breaks(old, new, SENT | Change.LENGTHENED)
