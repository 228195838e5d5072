"""Given a history, when a command comes, then these facts follow, nothing happens, or this rule is broken.

given(PROJECT, REGISTERED, SIGNED).when(StartProject(...), facts).then(ProjectStarted(...))
given(PROJECT, REGISTERED).when(StartProject(...), facts).raises("PROJECT_NOT_SIGNED", field="occurred_on")
given(PROJECT, REGISTERED, SIGNED).when(SIGN_AGAIN, facts).nothing()
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from services.chassis.domain import Command, Decider, DomainError, Event, Facts

S = TypeVar("S")
F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Outcome(Generic[S]):
    """What came of a command: the facts decided on, or the rule that was broken; `state` is after the facts."""

    events: Sequence[Event]
    error: DomainError | None
    state: S

    def then(self, *events: Event) -> S:
        """Exactly these facts follow, in this order; the state after them is handed on."""
        if self.error is not None:
            raise AssertionError(f"expected {len(events)} event(s), but the command was refused: {self.error}")
        assert list(self.events) == list(events)
        return self.state

    def nothing(self) -> None:
        """The command is taken, and there is nothing to record."""
        if self.error is not None:
            raise AssertionError(f"expected nothing to be recorded, but the command was refused: {self.error}")
        assert list(self.events) == []

    def raises(self, code: str, *, field: str | None = None) -> DomainError:
        """The command is refused with this code (and about this field); both sentences are written out."""
        assert self.error is not None, f"expected {code}, but these facts were recorded: {list(self.events)}"
        assert self.error.code == code, f"expected {code}, got {self.error}"
        if field is not None:
            assert self.error.field == field, f"expected field {field}, got {self.error}"
        for sentence in (self.error.message, self.error.english):
            assert sentence, f"{code} has an empty sentence"
            assert "{" not in sentence, f"{code} has an unfilled sentence: {sentence}"
        return self.error


@dataclass(frozen=True)
class Given(Generic[S, F]):
    """A decider and the state that its history led to."""

    decider: Decider[S, F]
    state: S

    def when(self, command: Command, facts: F) -> Outcome[S]:
        """Decide on the command; anything but a DomainError goes through and fails the test."""
        try:
            events = self.decider.decide(self.state, command, facts)
        except DomainError as error:
            return Outcome((), error, self.state)
        return Outcome(events, None, self.decider.fold(events, self.state))


def given(decider: Decider[S, Any], *history: Event) -> Given[S, Any]:
    """The decider after this history (none: before the entity's first event)."""
    return Given(decider, decider.fold(history))
