"""A running city: one register, next year's programme adopted ahead and taken back, no rule set that can't be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date

import pytest
from msgspec.structs import replace

from services.chassis.domain import DomainError
from services.chassis.time.clock import SystemClock
from services.policy_registry.events import RuleSet, UnitKind
from services.policy_registry.programme import AdoptProgramme, PublishRuleSet, WithdrawProgramme
from services.policy_registry.programme_files import load_programme
from services.policy_registry.unit_registry import JoinUnit
from services.project_tracking.reference import PROGRAMMES, THE_CITY, rules_in_force
from tests.clients import HttpClient, Refused
from tests.real_city import PROGRAMME, RealCity, real_city

TODAY = SystemClock().today()
NEXT = date(TODAY.year + 1, 3, 1)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCity]:
    with real_city(tmp_path_factory.mktemp("policy") / "var") as opened:
        yield opened


def adoption() -> AdoptProgramme:
    found = load_programme(PROGRAMME)[0]
    assert isinstance(found, AdoptProgramme)
    return found


def with_lamp_day(value: str) -> RuleSet:
    rules = next(each for each in adoption().rule_sets if each.id == "project")
    stated = [replace(each, value=value) if each.name == "lamp_day" else each for each in rules.parameters]
    return replace(rules, version=2, effective_on=TODAY, parameters=tuple(stated))


def test_a_second_register_is_refused_and_told_the_first_ones_id(city: RealCity) -> None:
    stray = JoinUnit(
        registry_id="other",
        occurred_on=TODAY,
        unit_id="stray",
        code="990101",
        name="别县",
        kind=UnitKind.COUNTY,
        scored=True,
    )
    with pytest.raises(DomainError) as refused:
        city.do(stray)
    assert (refused.value.code, refused.value.field) == ("UNIT_REGISTRY_OTHER", "registry_id")
    assert "baoding" in refused.value.message
    city.do(replace(stray, registry_id="baoding"))


def test_next_years_programme_can_be_adopted_ahead_and_taken_back(city: RealCity) -> None:
    views = city.embedded.hosts["project_tracking"].views
    before = rules_in_force(views, TODAY)
    ahead = replace(adoption(), programme_id="baoding-next", issued_on=NEXT, rule_sets=(with_lamp_day("9"),))
    city.do(ahead)
    then = rules_in_force(views, NEXT)
    assert before is not None
    assert then is not None
    assert rules_in_force(views, TODAY) == before
    assert (before.lamp_day, then.lamp_day) == (6, 9)
    city.do(WithdrawProgramme(programme_id="baoding-next", occurred_on=TODAY, reason="另行印发"))
    assert rules_in_force(views, NEXT) == before
    assert views.get(PROGRAMMES.name, THE_CITY).programmes["baoding-next"].adopted is None
    with pytest.raises(DomainError) as refused:
        city.do(WithdrawProgramme(programme_id="baoding-2017", occurred_on=TODAY, reason="误发"))
    assert refused.value.code == "PROGRAMME_IN_FORCE"
    city.do(replace(ahead, title="重拟的方案"))


def test_a_rule_set_with_a_number_that_cannot_be_used_is_refused_at_the_door(city: RealCity) -> None:
    order = PublishRuleSet(programme_id="baoding-2017", occurred_on=TODAY, rule_set=with_lamp_day("31"))
    with closing(HttpClient(city.http, city.token())) as client, pytest.raises(Refused) as refused:
        client.do(order)
    assert (refused.value.status, refused.value.code) == ("422", "RULE_SET_PARAMETER_OUT_OF_RANGE")
    assert refused.value.fields == ("rule_set.parameters[7].value",)
