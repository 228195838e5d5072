"""Reactions (process managers): tables of event → commands. Events in, commands out, nothing kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID, uuid5

from services.chassis.domain import Command, Event
from services.chassis.views.view import Reader, Received

NAMESPACE = UUID("6f1d8f0a-52a5-5a0e-9d2b-0f6f3f1b7c11")
"""The namespace of reactions' command ids; it never changes."""


@dataclass(frozen=True)
class Reaction:
    """On `event`, send what `react` says. `name` is part of the commands' ids and never changes.

    `react(received, reader)` reads the service's own tables only and names each target stream once.
    """

    name: str
    event: type[Event]
    react: Callable[[Received, Reader], Iterable[Command]]


def reaction_command_id(event_id: str, reaction: str, stream: str) -> str:
    """The same for every delivery of the event, so that a redelivered event changes nothing."""
    return str(uuid5(NAMESPACE, f"{event_id}|{reaction}|{stream}"))
