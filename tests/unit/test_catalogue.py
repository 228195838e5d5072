"""The catalogue as a whole: every command and query has its rights, names are unique, nothing is left out."""

from __future__ import annotations

import re

import pytest

from services.catalogue import SERVICES
from services.chassis.domain import title_of
from services.chassis.feed.rights import READ_FEED
from services.chassis.hosting.passing_time import PassDay
from services.chassis.service import Service


def _asked(service: Service) -> list[str]:
    """Everything that somebody from outside can ask of a service."""
    commands = [
        command.__name__
        for aggregate in service.aggregates
        for command in aggregate.decider.decisions
        if command not in aggregate.internal
    ]
    queries = [handler.query.__name__ for handler in service.queries]
    return [*commands, *queries, *([READ_FEED] if service.events else [])]


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_every_command_and_query_has_its_entry_in_the_rights(service: Service) -> None:
    """Nothing can be read or written without a right, and no right is for nothing."""
    service.rights.check(_asked(service))


def test_event_types_and_commands_are_named_once() -> None:
    """A type string, a command or a query belongs to one service."""
    types = [event.type for service in SERVICES for event in service.events]
    names = [name for service in SERVICES for name in _asked(service) if name != READ_FEED]
    assert len(types) == len(set(types))
    assert len(names) == len(set(names))


def test_aggregates_are_named_once() -> None:
    """An aggregate's name begins its streams' names, by which parked streams and reactions know them."""
    names = [aggregate.decider.aggregate for service in SERVICES for aggregate in service.aggregates]
    assert len(names) == len(set(names))


def test_every_event_of_an_aggregate_is_published() -> None:
    """What a decider can record, the service's published language names."""
    for service in SERVICES:
        for aggregate in service.aggregates:
            assert set(aggregate.decider.evolutions) <= set(service.events), aggregate.decider.aggregate


def test_services_listen_only_to_services_that_exist() -> None:
    """A misspelt topic would otherwise be a view that never fills."""
    known = {service.name for service in SERVICES}
    assert all(set(service.listens_to) <= known for service in SERVICES)


def test_every_command_says_what_it_does_in_both_languages() -> None:
    """The first line of its docstring is what `bizenv do list` and the contracts show: 「中文 · English」."""
    orders = [c for service in SERVICES for a in service.aggregates for c in a.decider.decisions if c is not PassDay]
    lines = {c.__name__: (c.__doc__ or "").partition("\n")[0] for c in orders}
    assert {name: line for name, line in lines.items() if not re.fullmatch(r"[一-鿿]+ · [a-z][\w' -]+\.", line)} == {}


def test_every_query_has_a_chinese_name() -> None:
    """A refusal names what the role may not ask, as a clerk calls it."""
    titles = {handler.query: title_of(handler.query) for service in SERVICES for handler in service.queries}
    assert {query.__name__ for query, title in titles.items() if not re.fullmatch(r"[一-鿿]+", title or "")} == set()
