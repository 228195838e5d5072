"""A programme is adopted once, amended in numbered steps, and publishes effective-dated rule sets."""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec
import pytest

from services.policy_registry.events import (
    Checklist,
    ChecklistItem,
    MeasureGroup,
    Origin,
    ProgrammeAdopted,
    ProgrammeAmended,
    ProgrammeRecord,
    ProgrammeText,
    RuleSet,
    RuleSetPublished,
    phases_on,
    programme_after,
    rule_set_on,
    text_on,
)
from services.policy_registry.programme import PROGRAMME, AdoptProgramme, AmendProgramme, PublishRuleSet
from tests.unit.given import given
from tests.unit.policy_registry.samples import (
    FACTS,
    ISSUED,
    TODAY,
    TOMORROW,
    adopt,
    campaign,
    duty,
    measure,
    phase,
    rule_set,
)

ADOPTED, PUBLISHED = PROGRAMME.decide(PROGRAMME.initial, adopt(), FACTS)


def amend(number: int = 1, effective_on: date = date(2017, 6, 1), **changes: Any) -> AmendProgramme:
    values: dict[str, Any] = {"occurred_on": date(2017, 5, 20), "reason": "省里有新要求"}
    return AmendProgramme(programme_id="plan", number=number, effective_on=effective_on, **(values | changes))


def publish(version: int = 2, effective_on: date = date(2017, 7, 1), value: str = "0.90") -> PublishRuleSet:
    new = rule_set(version, effective_on, value=value)
    return PublishRuleSet(programme_id="plan", occurred_on=date(2017, 6, 20), rule_set=new)


class TestAdopt:
    def test_records_the_programme_and_each_of_its_rule_sets(self) -> None:
        order = adopt()
        given(PROGRAMME).when(order, FACTS).then(
            ProgrammeAdopted(
                occurred_on=ISSUED,
                title=order.title,
                city=order.city,
                year=2017,
                goals=order.goals,
                campaigns=order.campaigns,
                groups=order.groups,
                measures=order.measures,
                phases=order.phases,
                duties=order.duties,
            ),
            RuleSetPublished(occurred_on=ISSUED, rule_set=rule_set()),
        )

    def test_may_be_issued_ahead_of_time(self) -> None:
        outcome = given(PROGRAMME).when(adopt(issued_on=date(2018, 1, 1)), FACTS)
        assert [event.occurred_on for event in outcome.events] == [date(2018, 1, 1)] * 2

    def test_the_same_again_says_nothing_new(self) -> None:
        given(PROGRAMME, ADOPTED, PUBLISHED).when(adopt(), FACTS).nothing()

    def test_what_is_amended_and_published_since_leaves_it_said(self) -> None:
        newer = RuleSetPublished(occurred_on=date(2017, 6, 20), rule_set=publish().rule_set)
        given(PROGRAMME, ADOPTED, PUBLISHED, newer).when(adopt(), FACTS).nothing()

    @pytest.mark.parametrize(
        "rule_sets", [(rule_set(value="0.90"),), (rule_set(2),), (rule_set(), rule_set(2, date(2017, 7, 1)))]
    )
    def test_the_same_text_with_other_rule_sets_is_a_second_adoption(self, rule_sets: tuple[RuleSet, ...]) -> None:
        given(PROGRAMME, ADOPTED, PUBLISHED).when(adopt(rule_sets=rule_sets), FACTS).raises(
            "PROGRAMME_ALREADY_ADOPTED", field="programme_id"
        )

    def test_is_not_issued_in_another_age(self) -> None:
        given(PROGRAMME).when(adopt(issued_on=date(1948, 12, 31)), FACTS).raises("ISSUED_TOO_EARLY", field="issued_on")
        assert given(PROGRAMME).when(adopt(issued_on=date(1949, 1, 1), rule_sets=()), FACTS).error is None

    def test_another_text_is_an_amendment_and_not_a_second_adoption(self) -> None:
        given(PROGRAMME, ADOPTED).when(adopt(title="另一方案"), FACTS).raises(
            "PROGRAMME_ALREADY_ADOPTED", field="programme_id"
        )

    def test_phases_overlap_and_block_nothing(self) -> None:
        both = (phase(), phase("second", date(2017, 3, 10), date(2017, 10, 30)))
        state = PROGRAMME.fold(given(PROGRAMME).when(adopt(phases=both), FACTS).events)
        assert [each.id for each in phases_on(state, date(2017, 3, 10))] == ["first", "second"]
        assert phases_on(state, date(2017, 10, 31)) == ()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (adopt(measures=(measure(), measure())), "ID_USED_TWICE", "id"),
            (adopt(campaigns=(campaign("m01"),)), "ID_USED_TWICE", "id"),
            (adopt(campaigns=(campaign("windows", "slow", "slow"),)), "ID_USED_TWICE", "campaigns"),
            (adopt(measures=(measure(group="g9"),)), "MEASURE_GROUP_UNKNOWN", "measures"),
            (adopt(phases=(phase(ends_on=date(2017, 2, 1)),)), "PHASE_ENDS_BEFORE_START", "phases"),
            (adopt(duties=(duty(inferred=True),)), "BASIS_MISSING", "duties"),
            (adopt(duties=(duty(measure="m99"),)), "MEASURE_UNKNOWN", "duties"),
            (adopt(inferred=True), "BASIS_MISSING", "basis"),
            (adopt(rule_sets=(rule_set(), rule_set())), "RULE_SET_VERSION_NOT_NEWER", "rule_sets[1].version"),
        ],
    )
    def test_refuses_what_does_not_fit_together(self, wrong: AdoptProgramme, code: str, field: str) -> None:
        given(PROGRAMME).when(wrong, FACTS).raises(code, field=field)

    def test_refuses_a_parameter_that_is_there_twice(self) -> None:
        twice = msgspec.structs.replace(rule_set(), parameters=rule_set().parameters * 2)
        given(PROGRAMME).when(adopt(rule_sets=(twice,)), FACTS).raises("ID_USED_TWICE", field="rule_sets[0]")

    def test_refuses_a_checklist_item_that_is_there_twice(self) -> None:
        item = ChecklistItem(id="permit", name="许可")
        twice = Checklist(id="approvals", title="报批", origin=Origin.OURS, source="默认", items=(item, item))
        wrong = msgspec.structs.replace(rule_set(), checklists=(twice,))
        given(PROGRAMME).when(adopt(rule_sets=(wrong,)), FACTS).raises("ID_USED_TWICE", field="rule_sets[0]")


class TestAmend:
    def test_replaces_by_id_adds_and_withdraws_from_its_day(self) -> None:
        order = amend(measures=(measure(title="新举措"), measure("m02")), withdrawn=("report",))
        state = (
            given(PROGRAMME, ADOPTED)
            .when(order, FACTS)
            .then(
                ProgrammeAmended(
                    occurred_on=date(2017, 5, 20),
                    number=1,
                    reason="省里有新要求",
                    effective_on=date(2017, 6, 1),
                    measures=order.measures,
                    withdrawn=("report",),
                )
            )
        )
        before, after = text_on(state, date(2017, 5, 31)), text_on(state, date(2017, 6, 1))
        assert ([each.title for each in before.measures], len(before.duties)) == (["举措"], 1)
        assert [(each.id, each.title) for each in after.measures] == [("m01", "新举措"), ("m02", "举措")]
        assert after.duties == ()

    def test_may_take_effect_later_than_today(self) -> None:
        outcome = given(PROGRAMME, ADOPTED).when(amend(effective_on=TOMORROW, withdrawn=("report",)), FACTS)
        assert len(outcome.events) == 1

    def test_the_same_amendment_again_says_nothing_new(self) -> None:
        order = amend(withdrawn=("report",))
        recorded = given(PROGRAMME, ADOPTED).when(order, FACTS).events
        given(PROGRAMME, ADOPTED, *recorded).when(order, FACTS).nothing()

    def test_needs_an_adopted_programme(self) -> None:
        given(PROGRAMME).when(amend(withdrawn=("report",)), FACTS).raises("PROGRAMME_UNKNOWN", field="programme_id")

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (amend(), "AMENDMENT_EMPTY", "number"),
            (amend(2, withdrawn=("report",)), "AMENDMENT_NUMBER_NOT_NEXT", "number"),
            (amend(occurred_on=TOMORROW, withdrawn=("report",)), "DATE_IN_FUTURE", "occurred_on"),
            (amend(effective_on=date(2017, 2, 1), withdrawn=("report",)), "AMENDMENT_TOO_EARLY", "effective_on"),
            (amend(withdrawn=("nothing",)), "WITHDRAWN_UNKNOWN", "withdrawn"),
            (amend(withdrawn=("m01",), measures=(measure(),)), "ID_USED_TWICE", "withdrawn"),
            (amend(withdrawn=("g1",)), "MEASURE_GROUP_UNKNOWN", "measures"),
            (amend(campaigns=(campaign("m01"),)), "ID_USED_TWICE", "id"),
        ],
    )
    def test_refuses_what_does_not_fit_the_programme(self, wrong: AmendProgramme, code: str, field: str) -> None:
        given(PROGRAMME, ADOPTED).when(wrong, FACTS).raises(code, field=field)

    def test_takes_effect_no_earlier_than_the_amendment_before(self) -> None:
        first = given(PROGRAMME, ADOPTED).when(amend(withdrawn=("report",)), FACTS).events
        given(PROGRAMME, ADOPTED, *first).when(
            amend(2, effective_on=date(2017, 5, 31), withdrawn=("first",)), FACTS
        ).raises("AMENDMENT_TOO_EARLY", field="effective_on")

    def test_a_group_can_come_with_its_measures(self) -> None:
        new = (MeasureGroup(id="g2", title="第二组", clause="三(二)"),)
        order = amend(groups=new, measures=(measure("m02", group="g2"),))
        assert len(given(PROGRAMME, ADOPTED).when(order, FACTS).events) == 1


class TestPublishRuleSet:
    def test_the_newer_version_holds_from_its_day(self) -> None:
        state = (
            given(PROGRAMME, ADOPTED, PUBLISHED)
            .when(publish(), FACTS)
            .then(RuleSetPublished(occurred_on=date(2017, 6, 20), rule_set=publish().rule_set))
        )
        versions = [rule_set_on(state, "lamps", day) for day in (ISSUED, date(2017, 6, 30), date(2017, 7, 1), TODAY)]
        assert [found and found.version for found in versions] == [1, 1, 2, 2]
        assert rule_set_on(state, "lamps", date(2017, 2, 28)) is None
        assert rule_set_on(state, "unheard_of", TODAY) is None

    def test_a_version_put_right_on_the_same_day_is_the_one_that_holds(self) -> None:
        wrong = given(PROGRAMME, ADOPTED, PUBLISHED).when(publish(), FACTS).events
        state = given(PROGRAMME, ADOPTED, PUBLISHED, *wrong).when(publish(3), FACTS).state
        found = rule_set_on(state, "lamps", TODAY)
        assert found is not None
        assert found.version == 3

    def test_may_take_effect_later_than_today(self) -> None:
        assert len(given(PROGRAMME, ADOPTED).when(publish(effective_on=TOMORROW), FACTS).events) == 1

    def test_the_same_version_again_says_nothing_new(self) -> None:
        given(PROGRAMME, ADOPTED, PUBLISHED).when(
            PublishRuleSet(programme_id="plan", occurred_on=TODAY, rule_set=rule_set()), FACTS
        ).nothing()

    def test_needs_an_adopted_programme(self) -> None:
        given(PROGRAMME).when(publish(), FACTS).raises("PROGRAMME_UNKNOWN", field="programme_id")

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (publish(1), "RULE_SET_VERSION_NOT_NEWER", "rule_set.version"),
            (publish(2, date(2017, 2, 1)), "RULE_SET_TOO_EARLY", "rule_set.effective_on"),
            (msgspec.structs.replace(publish(), occurred_on=TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
        ],
    )
    def test_refuses_an_older_version(self, wrong: PublishRuleSet, code: str, field: str) -> None:
        given(PROGRAMME, ADOPTED, PUBLISHED).when(wrong, FACTS).raises(code, field=field)


def test_nothing_is_said_before_the_day_of_issue() -> None:
    record = programme_after(ProgrammeRecord(), ADOPTED)
    assert text_on(record, date(2017, 2, 28)) == ProgrammeText()
    assert text_on(ProgrammeRecord(), TODAY) == ProgrammeText()


def test_the_record_turns_into_json_and_back() -> None:
    record = PROGRAMME.fold([ADOPTED, PUBLISHED])
    assert msgspec.json.decode(msgspec.json.encode(record), type=ProgrammeRecord) == record
