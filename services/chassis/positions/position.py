"""Position tokens: where in which store a fact lies, so that a reader can wait until the views show it."""

from __future__ import annotations

import re
from typing import NamedTuple

from services.chassis.errors import InvalidRequest, Violation

_FORM = re.compile(r"([a-z_]{1,64}):(\d{1,9}):(\d{1,6}):(\d{1,18})", re.ASCII)


class PositionToken(NamedTuple):
    """`service:epoch:partition:position`. Callers pass it back as it is and read nothing into it."""

    service: str
    epoch: int
    partition: int
    position: int

    def __str__(self) -> str:
        return f"{self.service}:{self.epoch}:{self.partition}:{self.position}"

    @classmethod
    def parse(cls, text: str) -> PositionToken:
        """The token of this text; raises InvalidRequest on anything that we did not make."""
        found = _FORM.fullmatch(text)
        if found is None:
            raise bad_token("位置标记不是本系统签发的", "not a position token of this platform")
        service, *numbers = found.groups()
        return cls(service, *(int(number) for number in numbers))


def bad_token(message: str, english: str) -> InvalidRequest:
    """The refusal of a token that can't have been given."""
    return InvalidRequest(Violation("token", message, english))
