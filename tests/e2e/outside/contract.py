"""The published contract, read as any tool reads it: the AsyncAPI document and the schemas beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012


class Message:
    """What may be said by one type of message."""

    def __init__(self, place: str, told: Any, registry: Registry[Any]) -> None:
        """`place`: where the document says it."""
        self.name: str = told["name"]
        self.headers = Draft202012Validator(_headers(place, told, registry), registry=registry)
        self.payload = Draft202012Validator({"$ref": f"{place}/payload"}, registry=registry)
        self.key = Draft202012Validator({"$ref": f"{place}/bindings/kafka/key"}, registry=registry)


class Contract:
    """The channels by their addresses, and what may come on each."""

    def __init__(self, document: Path) -> None:
        self._base = document.resolve().as_uri()
        self._registry = _all_in(document.resolve().parent)
        told = _lookup(self._registry, self._base)
        self.channels: dict[str, Any] = {channel["address"]: channel for channel in told["channels"].values()}
        self._messages = {
            address: {message.name: message for message in self._of(channel)}
            for address, channel in self.channels.items()
        }

    def _of(self, channel: Any) -> Iterator[Message]:
        for reference in channel["messages"].values():
            place = urljoin(self._base, reference["$ref"])
            yield Message(place, _lookup(self._registry, place), self._registry)

    def message(self, address: str, name: str) -> Message | None:
        """What this type may say on this topic; None: it has no place there."""
        return self._messages[address].get(name)

    def names(self, address: str) -> set[str]:
        """The types of messages that may come on this topic."""
        return set(self._messages[address])


def _headers(place: str, told: Any, registry: Registry[Any]) -> Any:
    """Those of the message and of its traits: all of them hold."""
    traits = [urljoin(place, reference["$ref"]) for reference in told.get("traits", [])]
    assert all(_lookup(registry, trait) for trait in traits)
    return {"allOf": [{"$ref": f"{part}/headers"} for part in (place, *traits)]}


def _lookup(registry: Registry[Any], place: str) -> Any:
    return registry.resolver().lookup(place).contents


def _all_in(folder: Path) -> Registry[Any]:
    """Every published file by its address; what a reference leads to beyond them is an error."""
    found = {path.as_uri(): json.loads(path.read_text(encoding="utf-8")) for path in folder.rglob("*.json")}
    named = ((place, DRAFT202012.create_resource(told)) for place, told in found.items())
    return Registry[Any]().with_resources(named).crawl()
