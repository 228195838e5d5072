"""Golden events: for each event type one file with the exact bytes of a fact, kept for ever.

What was published once must be read by every later build and written as the same bytes while its version lives.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

import msgspec

from services.chassis.contracts.samples import sample
from services.chassis.domain import Event
from services.chassis.hosting.passing_time import DayPassed
from services.chassis.service import Service

GOLDEN_FOLDER = Path(__file__).resolve().parents[3] / "tests" / "contract" / "golden"


def events_of(service: Service) -> tuple[type[Event], ...]:
    """Every event type on the service's topic, the passing of days included."""
    return (*service.events, DayPassed) if service.keeps_calendar else service.events


def events_of_all(services: Iterable[Service]) -> dict[str, type[Event]]:
    """Type string → Struct, each once, in the order of the services."""
    return {event.type: event for service in services for event in events_of(service)}


def golden_path(type_string: str, folder: Path = GOLDEN_FOLDER) -> Path:
    return folder / f"{type_string}.json"


def golden_bytes(type_string: str, folder: Path = GOLDEN_FOLDER) -> bytes:
    """The fact's bytes, without the line end that a text file has; FileNotFoundError when there is none."""
    return golden_path(type_string, folder).read_bytes().removesuffix(b"\n")


def settle(services: Iterable[Service], published: Container[str], folder: Path = GOLDEN_FOLDER) -> list[Path]:
    """Bring the golden files up to date; the paths that changed.

    A type without one gets one. One of a type that is not `published` yet follows its Struct: it is written anew
    when it no longer comes back as the same bytes, and removed with its type. A published one is never touched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    events = events_of_all(services)
    changed = [path for path in sorted(folder.glob("*.json")) if path.stem not in events and path.stem not in published]
    for path in changed:
        path.unlink()
    for name, event in events.items():
        path = golden_path(name, folder)
        if not path.exists() or (name not in published and not _comes_back(event, golden_bytes(name, folder))):
            path.write_bytes(msgspec.json.encode(sample(event)) + b"\n")
            changed.append(path)
    return changed


def _comes_back(event: type[Event], data: bytes) -> bool:
    try:
        return msgspec.json.encode(msgspec.json.decode(data, type=event)) == data
    except msgspec.DecodeError:
        return False
