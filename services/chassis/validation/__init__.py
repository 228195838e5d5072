"""Checks what comes in from outside, the same for every door: gRPC, HTTP, the command line and the import.

A value that a door lets pass has its declared type and keeps to the limits of `limits`. What doesn't is refused
with the field's path and the rule, in Chinese and English (`wording`).
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from services.chassis.errors import InvalidRequest, Violation
from services.chassis.validation.checks import Check
from services.chassis.validation.digits import digits_of
from services.chassis.validation.limits import check_for
from services.chassis.validation.repeated import refuse_repeated
from services.chassis.validation.unknown import search_for
from services.chassis.validation.wording import violation_of

T = TypeVar("T")

__all__ = ["BODY", "convert", "decode_json", "violation_of"]

BODY = "body"
"""The field of a violation that is about the whole body."""
_MALFORMED = ("不是有效的 JSON", "not valid JSON")


def decode_json(data: bytes, type_: type[T], *, unique: bool = False) -> T:
    """The value that these JSON bytes describe; raises InvalidRequest, with field `body` where all of it is wrong.

    `unique` says that we wrote them and no name is given twice.
    """
    decoder, check, looks = _tools(type_)
    try:
        value: T = decoder.decode(data)
        if not unique:
            refuse_repeated(data)
        _look_at(msgspec.json.decode(data) if looks else None, looks)
    except msgspec.ValidationError as error:
        raise InvalidRequest(_of_body(violation_of(error))) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(Violation(BODY, *_MALFORMED)) from error
    if check is not None:
        check(value, "")
    return value


def _of_body(found: Violation) -> Violation:
    return found if found.field else msgspec.structs.replace(found, field=BODY)


def convert(value: Any, type_: type[T], *, from_text: bool = False) -> T:
    """The value of plain dicts, lists and strings as `type_`; raises InvalidRequest.

    `from_text` reads numbers and truth values from strings as well (query parameters, cells of a sheet).
    """
    try:
        result = msgspec.convert(value, type_, strict=not from_text)
    except msgspec.ValidationError as error:
        raise InvalidRequest(violation_of(error)) from error
    _, check, looks = _tools(type_)
    _look_at(value, looks)
    if check is not None:
        check(result, "")
    return result


def _look_at(plain: Any, looks: tuple[Check, ...]) -> None:
    """What shows only in the value as it came."""
    for look in looks:
        look(plain, "")


_Tools = tuple[msgspec.json.Decoder[Any], Check | None, tuple[Check, ...]]
_KNOWN: dict[Any, _Tools] = {}


def _tools(type_: Any) -> _Tools:
    """Made once for each type; two threads may make them both, and either will do."""
    found = _KNOWN.get(type_)
    if found is None:
        looks = tuple(look for look in (search_for(type_), digits_of(type_)) if look is not None)
        found = _KNOWN[type_] = (msgspec.json.Decoder(type_), check_for(type_), looks)
    return found
