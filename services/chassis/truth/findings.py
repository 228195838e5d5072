"""What an audit reports."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from services.chassis.truth.torn import Torn

LISTED = 20
"""Findings of one code that are listed; all are counted."""


class Code(StrEnum):
    """What is wrong. Codes are stable."""

    UNREADABLE = "UNREADABLE"
    """The database is damaged there: what stands in that place was not audited."""
    SCHEMA_ALTERED = "SCHEMA_ALTERED"
    """A table, index, view or trigger is not as the migrations make it; it can forge rows while they are written."""
    STORE_INFO = "STORE_INFO"
    """What the store says of itself is not what its signed heads say."""
    EPOCH_MOVED_BACK = "EPOCH_MOVED_BACK"
    """The store's epoch is below that of a signed head."""
    EPOCH_NOT_SIGNED = "EPOCH_NOT_SIGNED"
    """The store's epoch is above that of every head: a restore without its record, or an alteration."""
    EVENT_ALTERED = "EVENT_ALTERED"
    """An event is not the one that the log recorded at its position."""
    EVENT_MALFORMED = "EVENT_MALFORMED"
    """An event's row holds what the store never writes there."""
    EVENT_MISSING = "EVENT_MISSING"
    """Events that the log or a signed head covers are not in the store, or a position is left out."""
    EVENT_OUT_OF_ORDER = "EVENT_OUT_OF_ORDER"
    """On a topic, an event stands behind one that must follow it."""
    EVENT_PARTITION = "EVENT_PARTITION"
    """An event's partition is not that of its stream."""
    STREAM_VERSIONS = "STREAM_VERSIONS"
    """The versions of a stream's events are not 1, 2, 3 … in the order of their positions."""
    STREAM_HEAD = "STREAM_HEAD"
    """The streams table does not say the version that a stream's events have reached."""
    COMMAND_RECORD = "COMMAND_RECORD"
    """The commands table and the events do not tell the same of a command."""
    MERKLE_NODE = "MERKLE_NODE"
    """A node of the log was altered, removed or added."""
    HEAD_ROOT = "HEAD_ROOT"
    """Neither the events nor the log give the root of a signed head: both were altered."""
    HEAD_MISSING = "HEAD_MISSING"
    """A published head is not in the store."""
    HEAD_ALTERED = "HEAD_ALTERED"
    """A head in the store does not carry a good signature, or is not the one published."""
    HEAD_UNKNOWN_KEY = "HEAD_UNKNOWN_KEY"
    """A head is signed, or says it is, with a key that is not the one given."""
    NO_HEADS = "NO_HEADS"
    """There are events or leaves, but no head was ever signed."""
    PUBLISHED_MISSING = "PUBLISHED_MISSING"
    """Heads of the store are not in the published file."""
    PUBLISHED_ALTERED = "PUBLISHED_ALTERED"
    """A published line is damaged, or its signature is not good."""
    PUBLISHED_CHAIN = "PUBLISHED_CHAIN"
    """A published head does not follow the one before it: lines were taken out, put in or moved."""
    PUBLISHED_KEY = "PUBLISHED_KEY"
    """The published public key is missing or not the one given."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was recorded: where (`place`; position and stream if it has them), and one
    sentence in Chinese and in English."""

    code: Code
    service: str
    place: str
    position: int | None = None
    stream: str | None = None
    message: str
    english: str


class Restore(msgspec.Struct, frozen=True):
    """A signed record that the store was restored: the epoch it opened, how many events it kept, and how many
    that signed heads of former epochs had covered were given up."""

    epoch: int
    kept: int
    given_up: int


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of an audit of one store. `counts` has the number of findings by code, `findings` the first
    LISTED of each.

    `events`, `leaves` and `heads` are how many the store holds, `published` how many heads the file holds;
    `covered` events are under a signed head (of `signed_at`, microseconds since 1970 UTC), `not_yet_covered` are
    younger: their order and books were checked, their content is vouched for by nobody yet. `torn`: commands of which
    a recovery may have brought back only a part.
    """

    service: str
    store_id: str
    epoch: int
    events: int
    leaves: int
    heads: int
    published: int
    covered: int
    not_yet_covered: int
    signed_at: int | None
    restores: tuple[Restore, ...]
    torn: tuple[Torn, ...] = ()
    counts: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Nothing was found."""
        return not self.counts


class Findings:
    """Collects findings: counts all, keeps the first of each code."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._counts: Counter[Code] = Counter()
        self._listed: list[Finding] = []

    def add(
        self,
        code: Code,
        place: str,
        message: str,
        english: str,
        *,
        position: int | None = None,
        stream: str | None = None,
    ) -> None:
        self._counts[code] += 1
        if self._counts[code] <= LISTED:
            self._listed.append(
                Finding(
                    code=code,
                    service=self._service,
                    place=printable(place),
                    position=position,
                    stream=None if stream is None else printable(stream),
                    message=printable(message),
                    english=printable(english),
                )
            )

    def count(self, code: Code, more: int) -> None:
        """Count findings that are not listed."""
        self._counts[code] += more

    @property
    def counts(self) -> dict[str, int]:
        return {str(code): self._counts[code] for code in Code if self._counts[code]}

    @property
    def listed(self) -> tuple[Finding, ...]:
        return tuple(sorted(self._listed, key=lambda finding: list(Code).index(finding.code)))


def printable(text: str) -> str:
    """The text with what is not valid Unicode (an altered row may hold it) made visible."""
    return text.encode("utf-8", "backslashreplace").decode()
