"""Names given twice in one JSON object. Readers take the first, the last or both (RFC 8259, 4), so no door takes any:
what was signed for must be what is recorded."""

from __future__ import annotations

import json
from typing import Any

from services.chassis.errors import InvalidRequest, Violation

Pairs = list[tuple[str, Any]]


class _Twice(Exception):
    pass


def refuse_repeated(data: bytes) -> None:
    """Raise InvalidRequest for the first name that one object gives twice. `data` is valid JSON; RecursionError where
    it is nested too deeply."""
    text = data.decode()
    try:
        _SEARCH.decode(text)
    except _Twice:
        place = _place(_READ.decode(text), "")
        raise InvalidRequest(Violation(place, "给了多次", "given more than once")) from None


def _once(pairs: Pairs) -> None:
    if len(dict(pairs)) < len(pairs):
        raise _Twice


class _Object(list[tuple[str, Any]]):
    """An object as its pairs, so that no name gets lost and it is told from an array."""


_SEARCH = json.JSONDecoder(object_pairs_hook=_once, parse_int=str, parse_float=str)
_READ = json.JSONDecoder(object_pairs_hook=_Object, parse_int=str, parse_float=str)
"""Numbers stay as they are written: how long one may be is not judged here."""


def _place(value: Any, path: str) -> str:
    """The path of the first repeated name; empty: there is none in this value."""
    if isinstance(value, _Object):
        return _in_object(value, f"{path}." if path else "")
    if isinstance(value, list):
        return next((found for n, item in enumerate(value) if (found := _place(item, f"{path}[{n}]"))), "")
    return ""


def _in_object(pairs: Pairs, prefix: str) -> str:
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            return prefix + name
        seen.add(name)
        if found := _place(value, prefix + name):
            return found
    return ""
