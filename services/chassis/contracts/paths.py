"""How commands are addressed over HTTP: `/v1/projects/{project_id}:sign`.

The verb is the command's name without the aggregate's noun: `SignProject` → `sign`, `JoinUnit` → `joinUnit`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.chassis.contracts.model import commands_of
from services.chassis.contracts.shapes import ContractError, camel, words_of
from services.chassis.domain import Command
from services.chassis.service import Aggregate, Service

EVENTS_PATH = "/v1/events"
OPENAPI_PATH = "/openapi.json"


@dataclass(frozen=True)
class CommandPath:
    """A command with its path; `identity` names the field that the path holds."""

    command: type[Command]
    path: str
    identity: str


def command_paths(service: Service) -> Iterator[CommandPath]:
    """Every command that the doors offer; raises ContractError when two have one path."""
    for aggregate in service.aggregates:
        identity = aggregate.decider.identity
        for command, verb in _verbs(aggregate).items():
            yield CommandPath(command, f"/v1/{aggregate.collection}/{{{identity}}}:{verb}", identity)


def _verbs(aggregate: Aggregate) -> Mapping[type[Command], str]:
    noun = words_of(aggregate.decider.aggregate)
    commands = [command for command in commands_of(aggregate) if issubclass(command, Command)]
    verbs = {command: camel(_without(words_of(command.__name__), noun)) for command in commands}
    if len(set(verbs.values())) < len(verbs):
        raise ContractError(f"{aggregate.decider.aggregate}: two commands have the same verb: {sorted(verbs.values())}")
    return verbs


def _without(words: list[str], noun: list[str]) -> list[str]:
    """The words without the noun where it stands; all of them if nothing else would be left."""
    for start in range(len(words) - len(noun) + 1):
        if words[start : start + len(noun)] == noun:
            return words[:start] + words[start + len(noun) :] or words
    return words
