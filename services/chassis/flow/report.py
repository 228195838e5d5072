"""What an audit of the flow reports: per service, counts and what is not as it must be."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import msgspec

from services.chassis.truth.findings import LISTED, printable


class FlowCode(StrEnum):
    """What is wrong. Codes are stable."""

    LOST = "LOST"
    """An event that the store holds and the relay has passed is not on the topic."""
    DOUBLED = "DOUBLED"
    """One event stands at two positions."""
    REORDERED = "REORDERED"
    """Events stand on the topic so that no reader can take them in order."""
    DIFFERENT = "DIFFERENT"
    """A record is not what the store holds at its position, or two records of one position differ."""
    UNKNOWN_TO_STORE = "UNKNOWN_TO_STORE"
    """A record of a position that the store does not have, as after a backup was put back."""
    STORE = "STORE"
    """The store's own tables don't fit together."""
    HEAD_ROOT = "HEAD_ROOT"
    """The events as the topic has them don't give the root of a signed head."""
    VIEW_DIFFERENT = "VIEW_DIFFERENT"
    """A view is not what a replay from zero makes of the same facts."""
    VIEW_AHEAD = "VIEW_AHEAD"
    """A view has applied facts that the store does not have."""
    CHECKPOINT = "CHECKPOINT"
    """A consumer says that it has applied what is no event of the partition: it takes nothing more of it."""
    TOPIC = "TOPIC"
    """The topic has not the partitions, replicas or settings that it must have, or is not the one that was filled."""
    UNREADABLE = "UNREADABLE"
    """A part can't be read: it was not audited."""


class NoticeCode(StrEnum):
    """What somebody should know although nothing is lost by it."""

    FOREIGN = "FOREIGN"
    """A record on the topic that is no event of ours: readers skip it."""
    GIVEN_UP = "GIVEN_UP"
    """Records of a former epoch of the store, given up when it was put back: readers skip them."""
    TORN = "TORN"
    """A command of which a recovery has brought back only some events, or can't tell whether these are all."""
    PARKED = "PARKED"
    """Streams set aside behind a fact that a view could not take."""


class FlowFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong, or worth knowing: where, and one sentence in Chinese and in English."""

    code: str
    service: str
    place: str
    position: int | None = None
    message: str
    english: str


class ViewFlow(msgspec.Struct, frozen=True, kw_only=True):
    """One view as it stood at one moment. `applied` facts are those up to its checkpoints, `behind` those recorded
    since; `parked` facts are in neither the view nor the replay that it was held against."""

    view: str
    equal: bool
    checksum: str
    applied: int
    behind: int
    parked: int


class ReactionFlow(msgspec.Struct, frozen=True, kw_only=True):
    """How far a service's reactions got: so many events they have not reacted to yet, so many are parked."""

    behind: int
    parked: int


class TopicFlow(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it was read: records, how many of them are events sent once more (`repeats`) or before their time
    (`early`, sent again since), the position up to which the relay had passed, and how many events it still had to
    bring (`behind`). `covered` events gave the root of a signed head."""

    records: int
    repeats: int
    early: int
    foreign: int
    given_up: int
    relayed: int
    behind: int
    present: int
    covered: int


class ServiceFlow(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome for one service. `counts` has the number of findings by code, `findings` the first of each;
    `topic` is None where the event tables are the bus, `reactions` where the service has none."""

    service: str
    epoch: int
    stored: int
    topic: TopicFlow | None
    views: tuple[ViewFlow, ...]
    reactions: ReactionFlow | None
    counts: dict[str, int]
    findings: tuple[FlowFinding, ...]
    notices: tuple[FlowFinding, ...]

    @property
    def ok(self) -> bool:
        """Nothing is lost, doubled, reordered, different or otherwise wrong."""
        return not self.counts

    def count(self, *codes: FlowCode) -> int:
        """How many findings of these codes there are."""
        return sum(self.counts.get(code, 0) for code in codes)


class FlowReport(msgspec.Struct, frozen=True):
    """The outcome for all services that were asked for."""

    services: tuple[ServiceFlow, ...]

    @property
    def ok(self) -> bool:
        return all(service.ok for service in self.services)


class FlowFindings:
    """Collects: counts all, keeps the first of each code."""

    def __init__(self, service: str) -> None:
        self._service = service
        self._counts: Counter[str] = Counter()
        self._shown: Counter[str] = Counter()
        self.listed: list[FlowFinding] = []
        self.notices: list[FlowFinding] = []

    def add(
        self, code: FlowCode, place: str, message: str, english: str, *, position: int | None = None, count: int = 1
    ) -> None:
        """`count`: of how many such things this one finding speaks."""
        self._counts[code] += count
        self._shown[code] += 1
        if self._shown[code] <= LISTED:
            self.listed.append(self._finding(code, place, message, english, position))

    def notice(self, code: NoticeCode, place: str, message: str, english: str) -> None:
        self._shown[code] += 1
        if self._shown[code] <= LISTED:
            self.notices.append(self._finding(code, place, message, english, None))

    def _finding(self, code: str, place: str, message: str, english: str, position: int | None) -> FlowFinding:
        return FlowFinding(
            code=str(code),
            service=self._service,
            place=printable(place),
            position=position,
            message=printable(message),
            english=printable(english),
        )

    @property
    def counts(self) -> dict[str, int]:
        return {str(code): self._counts[code] for code in FlowCode if self._counts[code]}
