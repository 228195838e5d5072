"""Writes the contracts, checks them against the Structs and against the last release, and makes a release."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from services.chassis.contracts.asyncapi import asyncapi_document
from services.chassis.contracts.compatibility import event_breaks, openapi_breaks
from services.chassis.contracts.descriptors import PROTO_FOLDER, build_contracts
from services.chassis.contracts.goldens import GOLDEN_FOLDER, events_of_all, golden_path, settle
from services.chassis.contracts.jsonschema import event_schema
from services.chassis.contracts.openapi import openapi_document
from services.chassis.service import Service

RELEASED = "released"
_SCHEMAS = "events/schemas"
_OPENAPI = "openapi.json"
_RELEASED_PARTS = ("buf.yaml", "bizenv", "events", _OPENAPI)
MAKE = "make contracts"
RELEASE = "python -m services.chassis.contracts release"


class Publisher:
    """The contracts of these services under `folder`, with the golden events in `golden`."""

    def __init__(self, services: Sequence[Service], folder: Path = PROTO_FOLDER, golden: Path = GOLDEN_FOLDER) -> None:
        self._services = tuple(services)
        self._folder = folder
        self._golden = golden

    def write(self) -> list[Path]:
        """Bring every file up to date, remove what is no longer made; the paths that changed."""
        published = {path.stem for path in (self._folder / RELEASED / _SCHEMAS).glob("*.json")}
        changed = settle(self._services, published, self._golden)
        for path, text in self._expected().items():
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                changed.append(path)
        for path in self._stale(self._expected()):
            path.unlink()
            changed.append(path)
        return changed

    def problems(self) -> list[str]:
        """Everything that is wrong, a sentence each with what to do; empty when all is well."""
        return [*self.obstacles(), *self._unreleased()]

    def obstacles(self) -> list[str]:
        """The problems that stand in the way of a release: all but the want of a first one."""
        missing = [name for name in events_of_all(self._services) if not golden_path(name, self._golden).exists()]
        if missing:
            return [
                f"{golden_path(name, self._golden)}: there is no golden event yet; run `{MAKE}`" for name in missing
            ]
        return [*self._drift(), *self._breaks()]

    def release(self) -> Path:
        """Take the contracts as they are now for the released ones; the folder of the snapshot."""
        target = self._folder / RELEASED
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for name in _RELEASED_PARTS:
            source = self._folder / name
            if source.is_dir():
                shutil.copytree(source, target / name)
            else:
                shutil.copy(source, target / name)
        return target

    def _expected(self) -> dict[Path, str]:
        """Every file that is made, by path."""
        found = dict(build_contracts(self._services, self._folder).texts)
        for name, event in events_of_all(self._services).items():
            found[f"{_SCHEMAS}/{name}.json"] = _json(event_schema(event))
        found["events/asyncapi.json"] = _json(asyncapi_document(self._services, self._golden))
        found[_OPENAPI] = _json(openapi_document(self._services))
        return {self._folder / path: text for path, text in found.items()}

    def _stale(self, expected: dict[Path, str]) -> list[Path]:
        """Files of kinds that we make, which nothing makes any more."""
        made = [*(self._folder / "bizenv").rglob("*.proto"), *(self._folder / _SCHEMAS).glob("*.json")]
        return sorted(path for path in made if path not in expected)

    def _drift(self) -> Iterator[str]:
        expected = self._expected()
        for path, text in expected.items():
            if not path.exists():
                yield f"{path}: is missing; run `{MAKE}` and commit it"
            elif (found := path.read_text(encoding="utf-8")) != text:
                yield f"{path}:{_first_difference(found, text)}: differs from the Structs; run `{MAKE}` and commit it"
        for path in self._stale(expected):
            yield f"{path}: no Struct makes it any more; run `{MAKE}` and commit its removal"

    def _unreleased(self) -> Iterator[str]:
        """Without a snapshot nothing could be a break, and every change would pass."""
        released = self._folder / RELEASED
        if not released.exists():
            yield f"{released}: is missing, so that no change can be judged; run `{RELEASE}` and commit it"

    def _breaks(self) -> Iterator[str]:
        """Against the snapshot; none before the first release."""
        released = self._folder / RELEASED
        if not released.exists():
            return
        lost = [released / part for part in _RELEASED_PARTS if not (released / part).exists()]
        if lost:
            yield from (f"{path}: is missing from the released contracts; restore it" for path in lost)
            return
        old = {path.stem: _read(path) for path in sorted((released / _SCHEMAS).glob("*.json"))}
        new = {name: event_schema(event) for name, event in events_of_all(self._services).items()}
        upcast = {name for service in self._services for name in service.upcasts}
        for sentence in event_breaks({name: schema for name, schema in old.items() if name not in upcast}, new):
            yield f"breaks the released events: {sentence}; add a new version and an upcast instead"
        for sentence in openapi_breaks(_read(released / _OPENAPI), openapi_document(self._services)):
            yield f"breaks the released HTTP API: {sentence}; keep it beside the new one instead"


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _first_difference(found: str, expected: str) -> int:
    """The number of the first line that differs, from 1."""
    pairs = zip(found.splitlines(), expected.splitlines(), strict=False)
    same = next((number for number, (a, b) in enumerate(pairs) if a != b), None)
    return 1 + (min(len(found.splitlines()), len(expected.splitlines())) if same is None else same)
