"""What is different for a peer, another process of the same city: it says so by `PEER_KEY` in its metadata.

It is told a problem whole, so that its caller's error is the very same: what every client gets (`status`) is clipped
and leaves sentences out. And it is never sent on to a third process: two that name each other would go on for ever.
"""

from __future__ import annotations

import dataclasses
from contextvars import ContextVar

import msgspec

from services.chassis.errors import Problem, Violation
from services.chassis.grpc_server.status import clip

PEER_KEY = "bizenv-peer"
PROBLEM_KEY = "bizenv-problem-bin"
LARGEST = 32 * 1024
"""Bytes; what is more loses violations from its end."""
_LONGEST_SENTENCE = 2_000

FROM_PEER: ContextVar[bool] = ContextVar("from_peer", default=False)
"""Whether the request that runs in this context came from a peer."""


def whole_of(problem: Problem) -> bytes:
    """For the trailer `PROBLEM_KEY`; at most LARGEST bytes."""
    data = msgspec.json.encode(problem)
    if len(data) <= LARGEST:
        return data
    violations = tuple(_clipped(violation) for violation in problem.violations)
    message, english = clip(problem.message, _LONGEST_SENTENCE), clip(problem.english, _LONGEST_SENTENCE)
    while len(data) > LARGEST:
        data = msgspec.json.encode(
            dataclasses.replace(problem, message=message, english=english, violations=violations)
        )
        violations = violations[: len(violations) // 2]
    return data


def _clipped(found: Violation) -> Violation:
    field, message, english = (clip(text, _LONGEST_SENTENCE) for text in (found.field, found.message, found.english))
    return Violation(field, message, english)


def problem_in(data: bytes) -> Problem:
    """The problem that a peer told; raises msgspec.DecodeError for what is none."""
    return msgspec.json.decode(data, type=Problem)
