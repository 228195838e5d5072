"""The facts behind the figures of one project, and beside each the facts that it replaced or that replaced it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.chassis.time.instants import instant_of
from services.project_tracking.events import ProjectProgressReported, ProjectRegistered, ProjectStepRetracted
from services.projection.answers.project import OtherFact, Source
from services.projection.as_of import Moment, end_of
from services.projection.project_timeline import Fact
from services.projection.sources import corrects, source_key


class Sources:
    """Facts by figure: those known at the moment, and those recorded after it."""

    def __init__(self, facts: Iterable[Fact], moment: Moment) -> None:
        self._moment = moment
        self._known: dict[str, list[Fact]] = {}
        self._later: dict[str, list[Fact]] = {}
        for fact in facts:
            known = moment.known_before is None or fact.recorded_at < moment.known_before
            (self._known if known else self._later).setdefault(source_key(fact.event), []).append(fact)

    @property
    def known(self) -> Mapping[str, Sequence[Fact]]:
        return self._known

    def latest(self, key: str) -> Fact | None:
        facts = self._known.get(key)
        return facts[-1] if facts else None

    def source(self, key: str) -> Source | None:
        """The fact behind the figure; None where nothing was told by the moment."""
        fact = self.latest(key)
        if fact is None:
            return None
        others = [_other(each, later=False) for each in self._known[key][:-1]]
        others += [_other(each, later=True) for each in self._later.get(key, ()) if corrects(each.event)]
        return Source(
            event_id=fact.id,
            recorded_at=instant_of(fact.recorded_at),
            reason=reason_of(fact) if corrects(fact.event) else None,
            corrected_since=self._since(fact) and len(self._known[key]) > 1,
            others=tuple(others),
        )

    def _since(self, fact: Fact) -> bool:
        """Whether it was recorded after the end of the day looked at."""
        return corrects(fact.event) and fact.recorded_at >= end_of(self._moment.on)

    @property
    def corrections(self) -> int:
        return sum(1 for facts in self._known.values() for fact in facts if corrects(fact.event))


def reason_of(fact: Fact) -> str | None:
    event: Any = fact.event
    return event.reason if isinstance(event, ProjectStepRetracted) else event.correction_reason


def _other(fact: Fact, *, later: bool) -> OtherFact:
    event = fact.event
    report = event if isinstance(event, ProjectProgressReported) else None
    return OtherFact(
        event_id=fact.id,
        recorded_at=instant_of(fact.recorded_at),
        occurred_on=event.occurred_on,
        later=later,
        retracted=isinstance(event, ProjectStepRetracted),
        reason=reason_of(fact) if corrects(event) else None,
        invested_yuan=report.invested_this_month_yuan if report else _total(event),
        physical_percent=report.physical_percent if report else None,
        text=getattr(event, "text", None) or getattr(event, "progress", None),
    )


def _total(event: object) -> int | None:
    """Of a registration, the project's total investment."""
    return event.total_investment_yuan if isinstance(event, ProjectRegistered) else None
