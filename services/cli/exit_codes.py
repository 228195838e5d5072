"""With which code a command ends: the one place for all of them. services/cli/README.md has the table."""

from __future__ import annotations

from enum import IntEnum

from services.chassis.errors import DeadlineExceeded, Overloaded, RequestError, Unavailable


class Exit(IntEnum):
    """What a script learns from a command's end."""

    WELL = 0
    NO = 1
    """It was tried and the answer is no: something wrong was found, a command was refused, nothing is of that name."""
    NOT_TRIED = 2
    """It could not be tried, or this is not the city for it: usage, settings, servers, ports, keys, another version."""
    INTERRUPTED = 130


_NOT_TRIED = (Unavailable, Overloaded, DeadlineExceeded)
"""What a door answers that may be well later, with nothing changed in the request."""


def code_of(error: RequestError) -> Exit:
    """For a request that failed."""
    return Exit.NOT_TRIED if isinstance(error, _NOT_TRIED) else Exit.NO


def worst(codes: list[Exit]) -> Exit:
    """For a command that looks at several things: what was found counts more than what could not be looked at."""
    return Exit.NO if Exit.NO in codes else max(codes, default=Exit.WELL)
