"""One course of the relay: from a checkpoint on, until something fails. Then it is given up whole, never mended."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kafka.errors import KafkaTimeoutError

from services.chassis.envelope import Envelope
from services.chassis.errors import Unavailable
from services.chassis.event_store import EventStore
from services.chassis.faults import fault_point
from services.chassis.kafka.recorded_epochs import RecordedEpochs
from services.chassis.kafka.sender import TooLarge
from services.chassis.leases import RelayPlace

PAGE_EVENTS = 500
WINDOW_PAGES = 8
WINDOW_BYTES = 32 * 1024 * 1024
SILENCE_SECONDS = 5.0
"""After so long without an acknowledgement somebody should look, although the library still tries."""


class Overtaken(Exception):
    """Another process leads now, or an operator set the checkpoint back: this course moves it no more."""


class Acknowledgement(Protocol):
    """What the library answers to a send."""

    is_done: bool
    exception: BaseException | None

    def get(self, timeout: float) -> object:
        """Wait; raises what became of it, or a timeout of its own."""
        ...


class Sends(Protocol):
    """A `Sender`, as a course uses it."""

    def send(self, envelope: Envelope, previous: int) -> Acknowledgement: ...

    def failure(self, envelope: Envelope, error: BaseException) -> Unavailable: ...


class Page:
    """Events that were sent, and what is known of them."""

    def __init__(self) -> None:
        self.sent: list[tuple[Envelope, Acknowledgement]] = []
        self.position = 0
        self.events = 0
        self.bytes = 0
        self.since = time.monotonic()

    def add(self, envelope: Envelope, acknowledgement: Acknowledgement) -> None:
        self.sent.append((envelope, acknowledgement))
        self.position = envelope.position
        self.events += 1
        self.bytes += len(envelope.data)

    def settled(self, seconds: float, sender: Sends) -> bool:
        """Whether all are acknowledged, asked for at most so long. Raises Unavailable for one that failed."""
        while self.sent:
            envelope, acknowledgement = self.sent[-1]
            if not acknowledgement.is_done and not _wait(acknowledgement, seconds):
                return False
            if acknowledgement.exception is not None:
                raise sender.failure(envelope, acknowledgement.exception)
            self.sent.pop()
        return True


def _wait(acknowledgement: Acknowledgement, seconds: float) -> bool:
    """Whether it came to an end, good or bad, within the time. Raises what is neither its end nor that of the time."""
    if seconds > 0:
        try:
            acknowledgement.get(seconds)
        except Exception as error:
            if not acknowledgement.is_done and not isinstance(error, KafkaTimeoutError):
                raise
    return acknowledgement.is_done


class Course:
    """Sends page after page, several under way at a time, and moves the checkpoint behind those acknowledged."""

    def __init__(self, store: EventStore, sender: Sends, place: RelayPlace, owner_epoch: int, start: int) -> None:
        """May raise SQLAlchemyError."""
        self.reached = start
        """Where the checkpoint is."""
        self._store = store
        self._epochs = RecordedEpochs(store.engine, store.info.epoch)
        self._sender = sender
        self._place = place
        self._owner_epoch = owner_epoch
        self._sent = start
        self._last: dict[int, int] = {}
        self._window: deque[Page] = deque()
        self._too_large: TooLarge | None = None

    @property
    def unacknowledged(self) -> int:
        return self._sent - self.reached

    @property
    def silent_seconds(self) -> float:
        """How long the oldest page has waited for its acknowledgements."""
        return time.monotonic() - self._window[0].since if self._window else 0.0

    def send_page(self) -> int:
        """Send what is next, unless enough is under way; returns how many events."""
        room = WINDOW_BYTES - sum(page.bytes for page in self._window)
        if len(self._window) >= WINDOW_PAGES or room <= 0 or self._too_large is not None:
            return 0
        envelopes = self._store.read_within(self._sent, PAGE_EVENTS, room)
        return self._send(envelopes) if envelopes else 0

    def _send(self, envelopes: Sequence[Envelope]) -> int:
        page = Page()
        try:
            for envelope in envelopes:
                sent = self._epochs.original(envelope)
                page.add(sent, self._sender.send(sent, self._previous(envelope)))
                self._last[envelope.partition] = self._sent = envelope.position
        except TooLarge as error:
            self._too_large = error  # told of once those before it have arrived
        if page.events:
            self._window.append(page)
        fault_point("relay.sent")
        return page.events

    def _previous(self, envelope: Envelope) -> int:
        known = self._last.get(envelope.partition)
        if known is None:
            return self._store.previous_in_partition(envelope.partition, envelope.position)
        return known

    def settle(self, seconds: float) -> int:
        """Move the checkpoint behind what is acknowledged, waiting at most so long for the oldest page; returns how
        many events it passed. Raises Unavailable for a failed send, TooLarge, Overtaken."""
        passed = 0
        while self._window and self._window[0].settled(0.0 if passed else seconds, self._sender):
            page = self._window.popleft()
            passed += page.events
            position = page.position
        if passed:
            fault_point("relay.acknowledged")
            if not self._place.move(self._store.info.epoch, position, self._owner_epoch):
                raise Overtaken(f"the checkpoint at {self.reached} was taken over")
            self.reached = position
            fault_point("relay.moved")
        if self._too_large is not None and not self._window:
            raise self._too_large
        return passed
