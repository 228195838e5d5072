"""How far a consumer is behind, found out when somebody asks: it goes on growing when the consumer has stopped."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import Generic, TypeVar

from services.chassis.bus.port import Subscription
from services.chassis.telemetry.logs import logger
from services.chassis.telemetry.metrics import METRICS

log = logger(__name__)

ANSWER_SECONDS = 0.25
"""So long a reader of the metrics waits for one gauge."""

SAME_SECONDS = 1.0
"""What several gauges show rests on one answer for so long: a reading of all of them asks once."""

T = TypeVar("T")


class Untold:
    """Says in the log why something can't be told, once for each reason until it can be told again. For one thread."""

    def __init__(self, what: str, **where: str) -> None:
        self._what = what
        self._where = where
        self._reason = ""

    def why(self, error: Exception) -> None:
        """It can't be told now."""
        reason = f"{type(error).__name__}: {str(getattr(error, 'orig', None) or error).strip()}"
        if reason != self._reason:
            log.warning("not known now", what=self._what, reason=reason, **self._where)
        self._reason = reason

    def no_more(self) -> None:
        """It was told."""
        self._reason = ""


class LagGauges:
    """The gauges of a group, until closed. They ask the subscription when somebody reads the metrics; NaN when the bus
    can't tell. Of two consumers of one group the younger is told of. What waits where no member reads is each one's
    lag."""

    def __init__(self, group: str, subscription: Subscription, age_of: Callable[[datetime], float]) -> None:
        self._group = group
        self._subscription = subscription
        self._age_of = age_of
        self._asked_unheld = AskedOnce(subscription.unheld)
        METRICS.consumer_lag_records.labels(group).set_function(
            LatelyAsked(self._records, name=f"{group} lag in records")
        )
        METRICS.consumer_lag_seconds.labels(group).set_function(
            LatelyAsked(self._seconds, name=f"{group} lag in seconds")
        )
        METRICS.consumer_unheld.labels(group).set_function(
            LatelyAsked(self._unheld, name=f"{group} partitions that nobody reads")
        )

    def close(self) -> None:
        """Forget the group: nobody reads for it any more."""
        for gauge in (METRICS.consumer_lag_records, METRICS.consumer_lag_seconds, METRICS.consumer_unheld):
            gauge.remove(self._group)

    def _records(self) -> float:
        behind, unheld = self._subscription.lag(), self._asked_unheld()
        return float(sum(behind.values()) + sum(unheld.values()))

    def _unheld(self) -> float:
        return float(len(self._asked_unheld()))

    def _seconds(self) -> float:
        oldest = self._subscription.oldest_unread()
        return 0.0 if oldest is None else self._age_of(oldest)


class LatelyAsked:
    """What a gauge shows: asked for at each reading, NaN when whoever knows can't tell. One that keeps silent holds up
    nobody who reads the metrics: they get what was known last. Any thread may use it."""

    def __init__(self, measure: Callable[[], float], seconds: float = ANSWER_SECONDS, name: str = "gauge") -> None:
        """`name`: what the log says of it where it can't be told."""
        self._untold = Untold(name)
        self._measure = measure
        self._seconds = seconds
        self._known = math.nan
        self._changing = threading.Lock()
        self._asking: threading.Thread | None = None

    def __call__(self) -> float:
        with self._changing:
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._ask, name="gauge", daemon=True)
                self._asking.start()
            asking = self._asking
        asking.join(self._seconds)
        return self._known

    def _ask(self) -> None:
        try:
            self._known = self._measure()
            self._untold.no_more()
        except Exception as error:  # noqa: BLE001 - told, and a gauge has nobody else to raise it to
            self._known = math.nan
            self._untold.why(error)


class AskedOnce(Generic[T]):
    """What several gauges need to know: who asks soon after another is told the same, also where that was an error.
    Any thread may use it; who asks while another does waits for that answer."""

    def __init__(self, ask: Callable[[], T], seconds: float = SAME_SECONDS) -> None:
        """`seconds`: for how long an answer is good."""
        self._ask = ask
        self._seconds = seconds
        self._answer: Future[T]
        self._good_until = -math.inf
        self._asking = threading.Lock()

    def __call__(self) -> T:
        """The answer, or whatever `ask` raised."""
        with self._asking:
            if time.monotonic() >= self._good_until:
                self._answer = self._asked()
                self._good_until = time.monotonic() + self._seconds
            return self._answer.result()

    def _asked(self) -> Future[T]:
        answer: Future[T] = Future()
        try:
            answer.set_result(self._ask())
        except Exception as error:  # noqa: BLE001 - raised to each who asks
            answer.set_exception(error)
        return answer
