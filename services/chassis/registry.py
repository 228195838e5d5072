"""Type string ↔ Struct: how a recorded fact becomes bytes and bytes become today's shape of the fact.

A stored type string is never a Python path. An old version is lifted to the next by a registered upcast;
nothing past this module sees an old shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from services.chassis.domain import Event

Fields = dict[str, Any]
Upcast = Callable[[Fields], Fields]


class UnknownEventType(LookupError):
    """No service of this build publishes this type; a newer one may."""

    def __init__(self, type_string: str) -> None:
        super().__init__(f"事件类型 {type_string} 未登记 · event type {type_string} is not registered")
        self.type_string = type_string


class MalformedEvent(ValueError):
    """The bytes do not say what their type promises; the message names the field."""


class EventRegistry:
    """All event types that a process can read.

    `upcasts` maps an old type string to (next type string, function on the decoded JSON object); chains are
    followed until a registered Struct is reached.
    """

    def __init__(self, events: Iterable[type[Event]], upcasts: dict[str, tuple[str, Upcast]] | None = None) -> None:
        self._structs: dict[str, type[Event]] = {}
        for struct in events:
            if struct.type in self._structs:
                raise ValueError(f"event type {struct.type} is registered twice")
            self._structs[struct.type] = struct
        self._upcasts = dict(upcasts or {})
        self._decoders = {name: msgspec.json.Decoder(struct) for name, struct in self._structs.items()}
        self._encoder = msgspec.json.Encoder()

    @property
    def structs(self) -> dict[str, type[Event]]:
        """Current type strings and their Structs, in the order of registration."""
        return dict(self._structs)

    def encode(self, event: Event) -> bytes:
        return self._encoder.encode(event)

    def decode(self, type_string: str, data: bytes) -> Event:
        """The fact in today's shape; raises UnknownEventType or MalformedEvent."""
        decoder = self._decoders.get(type_string)
        try:
            if decoder is not None:
                return decoder.decode(data)
            return self._lift(type_string, data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedEvent(f"{type_string}: {error}") from error

    def _lift(self, type_string: str, data: bytes) -> Event:
        if type_string not in self._upcasts:
            raise UnknownEventType(type_string)
        fields: Fields = msgspec.json.decode(data, type=dict[str, Any])
        while type_string in self._upcasts:
            type_string, upcast = self._upcasts[type_string]
            fields = _upcast(upcast, fields, type_string)
        if type_string not in self._structs:
            raise UnknownEventType(type_string)
        return msgspec.convert(fields, self._structs[type_string])


def _upcast(upcast: Upcast, fields: Fields, to: str) -> Fields:
    """An old fact that lacks what its upcast builds on is malformed."""
    try:
        return upcast(fields)
    except Exception as error:
        raise MalformedEvent(f"{to}: {type(error).__name__}: {error}") from error
