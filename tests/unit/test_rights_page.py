"""docs/rights.md says of every right who has it, as the services' rights.toml do.

`python -m tests.unit.test_rights_page` writes its tables anew.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.catalogue import SERVICES
from services.chassis.auth import ROLE_PURPOSES, ROLE_TITLES, Role, Scope
from services.chassis.domain import title_of
from services.chassis.feed.rights import READ_FEED, READ_FEED_TITLE
from services.chassis.service import Service
from tests.processes import ROOT

PAGE = ROOT / "docs" / "rights.md"
MARKS = {Scope.ALL: "all", Scope.OWN: "own", None: ""}
ROLES = tuple(ROLE_PURPOSES)
BEGIN = "<!-- from rights.toml -->\n"


def _titles(service: Service) -> dict[str, str]:
    """What can be asked of a service, by name."""
    orders = [order for each in service.aggregates for order in each.decider.decisions if order not in each.internal]
    asked = [*orders, *(handler.query for handler in service.queries)]
    titles = {each.__name__: title_of(each) or "" for each in asked}
    return titles | ({READ_FEED: READ_FEED_TITLE} if service.events else {})


def _lines(service: Service) -> Iterator[str]:
    yield f"\n## {service.name} {service.title}"
    yield f"| right | 权限 | {' | '.join(role.value for role in ROLES)} |"
    yield "|---" * (len(ROLES) + 2) + "|"
    for name, title in _titles(service).items():
        marks = " | ".join(MARKS[service.rights.scope(role, name)] for role in ROLES)
        yield f"| `{name}` | {title} | {marks} |"


def tables() -> str:
    """The page behind its first part."""
    roles = [f"| `{r.value}` | {ROLE_TITLES[r]} | {what} · {english} |" for r, (what, english) in ROLE_PURPOSES.items()]
    head = ["| role | 角色 | what it is for |", "|---|---|---|", *roles]
    return "\n".join([*head, *(line for service in SERVICES for line in _lines(service))]) + "\n"


def test_the_page_says_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(BEGIN)[2] == tables(), "python -m tests.unit.test_rights_page"


def test_every_role_that_gets_a_token_has_its_purpose() -> None:
    assert set(ROLE_PURPOSES) == set(Role) - {Role.SYSTEM}


@pytest.mark.parametrize("role", ROLES)
def test_a_purpose_promises_no_more_than_the_tables_give(role: Role) -> None:
    """Who may send commands, see everything or read events is said so in a word, and nobody else."""
    purpose = ROLE_PURPOSES[role][1]
    orders = {o.__name__ for s in SERVICES for a in s.aggregates for o in a.decider.decisions}
    may = {name for service in SERVICES for name in service.rights.names if service.rights.scope(role, name)}
    assert bool(may & orders) == any(word in purpose for word in ("command", "report"))
    assert (READ_FEED in may) == any(word in purpose for word in ("event", "everything"))
    assert ("GetOverview" in may) == ("sees" in purpose)


if __name__ == "__main__":
    first = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(first + BEGIN + tables(), encoding="utf-8")
