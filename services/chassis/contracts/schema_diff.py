"""How a new JSON Schema differs from the one that others hold: where it was narrowed, and where widened.

Narrowed: a value that was valid may not be valid any more. Widened: a value may come that could not come before. Which
of the two is a break depends on who writes the values: `RECEIVED`, `SENT` and `RECORDED` say so.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


class Change(enum.Flag):
    """What happened to the set of valid values."""

    NARROWED = enum.auto()
    WIDENED = enum.auto()
    LENGTHENED = enum.auto()
    """A value joined a list of several."""
    CHANGED = NARROWED | WIDENED


RECEIVED = Change.NARROWED
"""Others write, we read: all that they may send today must stay welcome."""
SENT = Change.WIDENED
"""We write, others read: nothing may come that they were promised not to get. A list of values may grow: readers of
answers have to expect it, as those of protos do (AIP-180)."""
RECORDED = Change.CHANGED | Change.LENGTHENED
"""Both at once: others check new facts by the schema they hold, and read old facts by the new one."""

Found = Iterator[tuple[Change, str]]
_ABSENT = object()


def _greater(old: Any, new: Any) -> Change:
    return Change.NARROWED if new > old else Change.WIDENED


def _less(old: Any, new: Any) -> Change:
    return Change.NARROWED if new < old else Change.WIDENED


def _other(old: Any, new: Any) -> Change:
    """A rule that came, went, or became another one."""
    return Change.NARROWED if old is _ABSENT else Change.WIDENED if new is _ABSENT else Change.CHANGED


def _type(old: Any, new: Any) -> Change:
    wider = {("integer", "number"): Change.WIDENED, ("number", "integer"): Change.NARROWED}
    return wider.get((old, new)) or _other(old, new)


def _multiple(old: Any, new: Any) -> Change:
    if _ABSENT not in (old, new) and not (new % old and old % new):
        return _greater(old, new)
    return _other(old, new)


_RULES: dict[str, tuple[Any, Callable[[Any, Any], Change]]] = {
    "type": (_ABSENT, _type),
    "multipleOf": (_ABSENT, _multiple),
    "uniqueItems": (False, _greater),
    **dict.fromkeys(("minimum", "exclusiveMinimum"), (-math.inf, _greater)),
    **dict.fromkeys(("maximum", "exclusiveMaximum"), (math.inf, _less)),
    **dict.fromkeys(("minLength", "minItems", "minProperties"), (0, _greater)),
    **dict.fromkeys(("maxLength", "maxItems", "maxProperties"), (math.inf, _less)),
}
"""Keyword → (what its absence means, how two different values of it compare)."""
_ANY_OTHER = (_ABSENT, _other)
"""For every keyword not named here, `pattern` and `format` among them."""
_WORDS = {"description", "examples", "example", "deprecated", "discriminator", "$schema", "$id", "$defs", "$comment"}
"""Keywords that rule nothing out. (What a discriminator says, the union's members say themselves.)"""
_INNER = {"items": "[]", "additionalProperties": "{}", "propertyNames": "{key}"}
"""Keywords that hold a schema, with the mark that stands for them in a place."""
_LOOKED_INTO = {"title", "default", "anyOf", "enum", "properties", "required", *_INNER}
_OPENNESS = ("none", "some", "any")


class SchemaDiff:
    """Compares two schemas, each with the document that its references point into; `breaking` is what to tell."""

    def __init__(self, old_root: Schema, new_root: Schema, breaking: Change) -> None:
        self._old_root = old_root
        self._new_root = new_root
        self._breaking = breaking
        self._seen: set[str] = set()

    def breaks(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """One sentence for each break, beginning with the place; what is met again is not told again."""
        for change, sentence in self._differences(old, new, where):
            if change & self._breaking:
                yield sentence

    def _differences(self, old: Schema, new: Schema, where: str) -> Found:
        old, new = resolve(old, self._old_root), resolve(new, self._new_root)
        if "default" in old and "default" in new and old["default"] != new["default"]:
            yield Change.CHANGED, f"{where}: default was changed from {old['default']!r} to {new['default']!r}"
        members = list(_members(old, self._old_root)), list(_members(new, self._new_root))
        for before, after in _pairs(*members):
            if before is None or after is None:
                yield _came_or_went(before, after, where)
            else:
                yield from self._of_member(before, after, where)

    def _of_member(self, old: Schema, new: Schema, where: str) -> Found:
        if "properties" in old:
            pair = repr((old, new))
            if pair in self._seen:
                return
            self._seen.add(pair)
        yield from _of_rules(old, new, where)
        yield from _of_enum(old, new, where)
        yield from self._of_properties(old, new, where)
        for keyword, mark in _INNER.items():
            yield from self._of_inner(keyword, old, new, where, mark)

    def _of_properties(self, old: Schema, new: Schema, where: str) -> Found:
        before, after = old.get("properties", {}), new.get("properties", {})
        if after and "properties" not in old:
            yield Change.CHANGED, f"{where}: a map became an object with fields"
        for name in before:
            if name not in after:
                yield Change.CHANGED, f"{where}.{name}: the field was removed"
            else:
                yield from self._differences(before[name], after[name], f"{where}.{name}")
        needed, needs = old.get("required", ()), new.get("required", ())
        for name in needs:
            if name not in needed:
                yield Change.NARROWED, f"{where}.{name}: the field became required"
        for name in needed:
            if name not in needs and name in after:
                yield Change.WIDENED, f"{where}.{name}: the field became optional"

    def _of_inner(self, keyword: str, old: Schema, new: Schema, where: str, mark: str) -> Found:
        before, after = old.get(keyword, True), new.get(keyword, True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from self._differences(before, after, where + mark)
            return
        was, is_now = _openness(before), _openness(after)
        opened = keyword == "additionalProperties" and (was, is_now) == (0, 2)
        if was != is_now and not opened:  # readers pass over fields that they don't know
            change = _less(was, is_now)
            yield change, _said(where, keyword, change, _OPENNESS[was], _OPENNESS[is_now])


def resolve(schema: Schema, root: Schema) -> Schema:
    """What a reference points to, with the words that stand beside it; any other schema as it is."""
    reference = str(schema.get("$ref", ""))
    if not reference.startswith("#/"):
        return schema
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**resolve(found, root), **beside}


def _members(schema: Schema, root: Schema) -> Iterator[Schema]:
    """The members of a union, nested ones too; the schema itself when it is none. Without what rules nothing out."""
    schema = resolve(schema, root)
    own = {name: value for name, value in schema.items() if name not in {*_WORDS, "anyOf", "const", "default"}}
    if "const" in schema:
        own["enum"] = [schema["const"]]
    if isinstance(own.get("type"), list):
        yield from ({**own, "type": kind} for kind in own["type"])
    elif "anyOf" in schema:
        for member in schema["anyOf"]:
            yield from _members({**own, **member}, root)
    else:
        texts = "enum" in own and all(isinstance(value, str) for value in own["enum"])
        yield {"type": "string", **own} if texts else own


def _label(member: Schema) -> str:
    return str(member.get("title") or member.get("type", "any"))


def _pairs(old: list[Schema], new: list[Schema]) -> Iterator[tuple[Schema | None, Schema | None]]:
    """Each member with the one that took its place: that of its name, or the only one beside null."""
    lone = all(sum(_label(member) != "null" for member in members) == 1 for members in (old, new))
    rest = list(new)
    for before in old:
        after = next((member for member in rest if _are_alike(before, member, lone)), None)
        if after is not None:
            rest.remove(after)
        yield before, after
    yield from ((None, after) for after in rest)


def _are_alike(old: Schema, new: Schema, lone: bool) -> bool:
    return _label(old) == _label(new) or (lone and "null" not in (_label(old), _label(new)))


def _came_or_went(old: Schema | None, new: Schema | None, where: str) -> tuple[Change, str]:
    if old is None:
        return Change.WIDENED, f"{where}: {_label(new or {})} is allowed now"
    return Change.NARROWED, f"{where}: {_label(old)} is no longer allowed"


def _of_rules(old: Schema, new: Schema, where: str) -> Found:
    for keyword in sorted({*old, *new} - _LOOKED_INTO):
        absent, compare = _RULES.get(keyword, _ANY_OTHER)
        before, after = old.get(keyword, absent), new.get(keyword, absent)
        if before != after:
            change = compare(before, after)
            yield change, _said(where, keyword, change, old.get(keyword, "none"), new.get(keyword, "none"))


def _of_enum(old: Schema, new: Schema, where: str) -> Found:
    if "enum" in old and "enum" in new:
        for value in old["enum"]:
            if value not in new["enum"]:
                yield Change.NARROWED, f"{where}: the value {value!r} is no longer allowed"
        for value in new["enum"]:
            if value not in old["enum"]:
                yield _lengthened(old["enum"]), f"{where}: the value {value!r} is allowed now"
    elif "enum" in new:
        yield Change.NARROWED, f"{where}: only listed values are allowed now"
    elif "enum" in old:
        yield Change.WIDENED, f"{where}: other than the listed values are allowed now"


def _lengthened(values: list[Any]) -> Change:
    """One value alone is a constant, which nobody expects to become a list."""
    return Change.LENGTHENED if len(values) > 1 else Change.WIDENED


def _openness(inner: Any) -> int:
    return 2 if inner is True or inner == {} else 1 if inner else 0


def _said(where: str, keyword: str, change: Change, old: Any, new: Any) -> str:
    return f"{where}: {keyword} was {str(change.name).lower()} from {old} to {new}"
