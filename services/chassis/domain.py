"""What a domain module may know of the chassis: commands, events, facts, rules and deciders.

Everything here is pure. Domain modules import this module, msgspec and the standard library only
(an import contract holds them to it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import msgspec

S = TypeVar("S")
F = TypeVar("F", bound="Facts")

EntityId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="编号 · letters, digits, '.', '_' or '-'; 1 to 64 characters",
    ),
]
"""An entity's id, chosen by the caller; it becomes part of a stream's name."""

WRITTEN, LINE, LINES = "written", "line", "lines"
"""The mark in a type's `extra` by which the doors know what a person writes (`validation.writing`)."""

CONTROL = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u0084\u0086-\u009f"
BREAKS = r"\t\n\r\u0085\u2028\u2029"
DIRECTIONS = r"\u202a-\u202e\u2066-\u2069"
"""What the contracts say of the characters, in the words of JSON Schema and of Python alike."""

Text = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=2000,
        extra={WRITTEN: LINES},
        extra_json_schema={"pattern": rf"^[^{CONTROL}{DIRECTIONS}]*$"},
        description="文字,不能空白 · not blank; no control or direction characters",
    ),
]
"""A sentence or a paragraph written by a person; never empty or blank."""

Name = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        max_length=120,
        extra={WRITTEN: LINE},
        extra_json_schema={"pattern": rf"^[^{CONTROL}{BREAKS}{DIRECTIONS}]*$"},
        description="名称,一行,不能空白 · one line, not blank; no control or direction characters",
    ),
]
"""A name or a title: one line, never empty or blank."""

Yuan = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""Whole yuan, never negative."""


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A recorded fact. `type` is its stable name; `occurred_on` the business date (Asia/Shanghai).

    Readers are tolerant: a field they do not know is passed over.
    """

    type: ClassVar[str]
    occurred_on: date


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An order to one aggregate; the field named by its decider's `identity` says which entity."""


@cache
def title_of(request: type[msgspec.Struct]) -> str | None:
    """What a command or a query is called in Chinese: its docstring's first line up to ` · `; None without one."""
    title, dot, _ = (request.__doc__ or "").partition("\n")[0].partition(" · ")
    return title if dot else None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the command bus looked up for a decision. `today` is the clock's day in Asia/Shanghai.

    An aggregate that needs more derives its own Facts.
    """

    today: date


class DomainError(Exception):
    """A broken rule: a stable code, the field it is about, and one sentence in each language."""

    def __init__(self, code: str, field: str, message: str, english: str) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.message = message
        self.english = english

    def __str__(self) -> str:
        return f"{self.code} ({self.field}): {self.message}"


@dataclass(frozen=True)
class Rule:
    """A rule of the domain, written down once.

    `code` is UPPER_SNAKE and stable; the two sentences are `str.format` templates.
    """

    code: str
    message: str
    english: str

    def broken(self, field: str, **values: object) -> DomainError:
        """The error to raise where this rule is broken; `field` is the command's field it is about."""
        return DomainError(self.code, field, self.message.format(**values), self.english.format(**values))


NOT_IN_FUTURE = Rule(
    "DATE_IN_FUTURE", "日期 {given} 晚于今天 {today},未来的事不能填报", "{given} is later than today, {today}"
)


def require_not_in_future(given: date, facts: Facts, field: str = "occurred_on") -> None:
    """Refuse a business date after today (DOMAIN §5.2: a fact has happened)."""
    if given > facts.today:
        raise NOT_IN_FUTURE.broken(field, given=given.isoformat(), today=facts.today.isoformat())


@dataclass(frozen=True)
class Decider(Generic[S, F]):
    """One aggregate as pure functions: `decide(state, command, facts)` and `evolve(state, event)`.

    `aggregate` begins the stream's name and the events' type strings; `identity` names the commands' field
    that holds the entity id; `initial` is the state before the first event.
    """

    aggregate: str
    identity: str
    initial: S
    decisions: Mapping[type[Command], Callable[[S, Any, F], Sequence[Event]]]
    evolutions: Mapping[type[Event], Callable[[S, Any], S]]
    prefix: str = field(default="", init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "prefix", f"{self.aggregate}-")

    def stream(self, command: Command) -> str:
        """The name of the stream that this command is for: `<aggregate>-<id>`."""
        return self.prefix + str(getattr(command, self.identity))

    def decide(self, state: S, command: Command, facts: F) -> Sequence[Event]:
        """The facts that follow from the command (none: nothing to record); raises DomainError."""
        return self.decisions[type(command)](state, command, facts)

    def evolve(self, state: S, event: Event) -> S:
        return self.evolutions[type(event)](state, event)

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        """The state after these events, from `initial` or from the state given."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current
