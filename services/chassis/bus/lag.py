"""How far a consumer is behind, found out when somebody asks: it goes on growing when the consumer has stopped."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from services.chassis.bus.port import Subscription
from services.chassis.errors import Unavailable
from services.chassis.telemetry.metrics import METRICS


class LagGauges:
    """The two gauges of a group, until closed. They ask the subscription on the thread of whoever reads the metrics;
    NaN when the bus can't tell. Of two consumers of one group the younger is told of."""

    def __init__(self, group: str, subscription: Subscription, age_of: Callable[[datetime], float]) -> None:
        self._group = group
        self._subscription = subscription
        self._age_of = age_of
        METRICS.consumer_lag_records.labels(group).set_function(lambda: unless_unknown(self._records))
        METRICS.consumer_lag_seconds.labels(group).set_function(lambda: unless_unknown(self._seconds))

    def close(self) -> None:
        """Forget the group: nobody reads for it any more."""
        for gauge in (METRICS.consumer_lag_records, METRICS.consumer_lag_seconds):
            gauge.remove(self._group)

    def _records(self) -> float:
        return float(sum(self._subscription.lag().values()))

    def _seconds(self) -> float:
        oldest = self._subscription.oldest_unread()
        return 0.0 if oldest is None else self._age_of(oldest)


def unless_unknown(measure: Callable[[], float]) -> float:
    """What a gauge shows: NaN when whoever knows does not answer."""
    try:
        return measure()
    except (SQLAlchemyError, Unavailable):
        return math.nan
