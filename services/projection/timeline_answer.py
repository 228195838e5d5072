"""GetProjectTimeline: the life line of a project, with corrections tied to what they corrected."""

from __future__ import annotations

from collections.abc import Sequence

from services.chassis.errors import NotFound
from services.chassis.service import Asker
from services.chassis.time.instants import instant_of
from services.chassis.views.view import Reader
from services.projection.answers.project import ProjectTimeline, TimelineEntry
from services.projection.as_of import Moment, end_of, moment_of
from services.projection.boards import board_of
from services.projection.lines import reading_of
from services.projection.project_detail import find
from services.projection.project_sources import reason_of
from services.projection.project_timeline import Fact, facts_of
from services.projection.queries import GetProjectTimeline
from services.projection.sight import sight_of
from services.projection.sources import corrects, source_key


def get_project_timeline(reader: Reader, query: GetProjectTimeline, asker: Asker) -> ProjectTimeline:
    """Facts known at the moment; raises NotFound for a project or a version that is not there."""
    moment = moment_of(query, asker)
    standing = find(board_of(reader, moment, query.project_id), query.project_id, sight_of(reader, asker))
    entries = entries_of(facts_of(reader, query.project_id, moment.known_before), moment)
    wanted = tuple(entry for entry in entries if query.version in (None, entry.version))
    if query.version is not None and not wanted:
        raise NotFound(
            f"项目 {query.project_id} 没有第 {query.version} 条记录",
            f"project {query.project_id} has no fact number {query.version}",
        )
    record = standing.record
    return ProjectTimeline(
        reading=reading_of(moment, asker, None),
        project_id=record.project_id,
        name=record.name,
        unit_code=record.unit_code,
        entries=tuple(sorted(wanted, key=lambda entry: (entry.occurred_on, entry.version), reverse=True)),
    )


def entries_of(facts: Sequence[Fact], moment: Moment) -> list[TimelineEntry]:
    """Each fact with the one before and the one after it about the same figure, where a correction made them so."""
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    latest: dict[str, str] = {}
    for fact in facts:
        key = source_key(fact.event)
        if corrects(fact.event) and key in latest:
            before[fact.id], after[latest[key]] = latest[key], fact.id
        latest[key] = fact.id
    return [_entry(fact, before.get(fact.id), after.get(fact.id), moment) for fact in facts]


def _entry(fact: Fact, replaces: str | None, replaced_by: str | None, moment: Moment) -> TimelineEntry:
    occurred_on = fact.event.occurred_on
    return TimelineEntry(
        event_id=fact.id,
        version=fact.version,
        type=fact.type,
        occurred_on=occurred_on,
        recorded_at=instant_of(fact.recorded_at),
        actor=fact.actor,
        command_id=fact.command_id,
        data=fact.data.decode(),
        correction_reason=reason_of(fact) if corrects(fact.event) else None,
        replaces=replaces,
        replaced_by=replaced_by,
        after=occurred_on > moment.on or fact.recorded_at >= end_of(moment.on),
    )
