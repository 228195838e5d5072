"""Units join, leave and take new codes; on no day do two of them bear one code."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.policy_registry.events import UnitKind, UnitLeft, UnitRecoded, unit, unit_on, unit_with_code
from services.policy_registry.unit_registry import UNIT_REGISTRY, JoinUnit, LeaveUnit, RecodeUnit
from tests.unit.given import given
from tests.unit.policy_registry.samples import FACTS, TOMORROW, join, joined

JOINED = joined()
MAY, JUNE = date(2015, 5, 1), date(2015, 6, 1)
LEFT = UnitLeft(occurred_on=MAY, unit_id="east", reason="撤销")
RECODED = UnitRecoded(occurred_on=MAY, unit_id="east", code="130607", name="东城区", kind=UnitKind.DISTRICT)


def leave(on: date = MAY, **changes: Any) -> LeaveUnit:
    values: dict[str, Any] = {"unit_id": "east", "reason": "撤销"}
    return LeaveUnit(registry_id="city", occurred_on=on, **(values | changes))


def recode(on: date = MAY, code: str = "130607", **changes: Any) -> RecodeUnit:
    values: dict[str, Any] = {"unit_id": "east", "name": "东城区"}
    return RecodeUnit(registry_id="city", occurred_on=on, code=code, **(values | changes))


class TestJoin:
    def test_belongs_from_that_day(self) -> None:
        state = given(UNIT_REGISTRY).when(join(), FACTS).then(JOINED)
        assert unit_on(state, "east", date(2013, 12, 31)) is None
        found = unit_with_code(state, "130602", date(2014, 1, 1))
        assert found is not None
        assert (found.unit_id, found.valid_from, found.valid_to) == ("east", date(2014, 1, 1), None)

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, JOINED).when(join(), FACTS).nothing()
        given(UNIT_REGISTRY, JOINED, RECODED, LEFT).when(join(), FACTS).nothing()

    def test_another_account_of_the_same_fact_needs_a_reason(self) -> None:
        given(UNIT_REGISTRY, JOINED).when(join(name="东市区"), FACTS).raises("ALREADY_RECORDED", field="unit_id")

    def test_a_code_is_free_again_when_its_bearer_left(self) -> None:
        new = given(UNIT_REGISTRY, JOINED, LEFT).when(join("west", on=MAY), FACTS)
        state = new.then(joined("west", on=MAY))
        bearers = [unit_with_code(state, "130602", day) for day in (date(2015, 4, 30), MAY)]
        assert [bearer and bearer.unit_id for bearer in bearers] == ["east", "west"]

    def test_a_code_that_is_held_on_any_of_its_days_is_refused(self) -> None:
        given(UNIT_REGISTRY, JOINED).when(join("west"), FACTS).raises("UNIT_CODE_HELD", field="code")
        given(UNIT_REGISTRY, JOINED, LEFT).when(join("west", on=date(2015, 4, 30)), FACTS).raises("UNIT_CODE_HELD")
        given(UNIT_REGISTRY, joined("west", on=MAY)).when(join(), FACTS).raises("UNIT_CODE_HELD")

    def test_joins_again_after_it_left(self) -> None:
        state = given(UNIT_REGISTRY, JOINED, LEFT).when(join(on=JUNE), FACTS).then(joined(on=JUNE))
        days = (date(2015, 4, 30), MAY, date(2015, 5, 31), JUNE)
        assert [unit_on(state, "east", day) is not None for day in days] == [True, False, False, True]

    def test_cannot_join_again_before_it_left(self) -> None:
        given(UNIT_REGISTRY, JOINED, LEFT).when(join(on=date(2015, 2, 1)), FACTS).raises(
            "UNIT_JOINS_TOO_EARLY", field="occurred_on"
        )

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            ("13060", UnitKind.COUNTY),
            ("13060A", UnitKind.DISTRICT),
            ("fagaiwei", UnitKind.CITY),
            ("1306021", UnitKind.ZONE),
            ("130602", UnitKind.DEPARTMENT),
            ("FaGaiWei", UnitKind.OFFICE),
        ],
    )
    def test_the_code_has_the_form_of_its_kind(self, code: str, kind: UnitKind) -> None:
        given(UNIT_REGISTRY).when(join(code=code, kind=kind), FACTS).raises("UNIT_CODE_FORMAT", field="code")

    def test_departments_bear_letters(self) -> None:
        order = join("fagaiwei", "fagaiwei", kind=UnitKind.DEPARTMENT, scored=False)
        assert len(given(UNIT_REGISTRY).when(order, FACTS).events) == 1

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (join(on=TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
            (join(inferred=True), "BASIS_MISSING", "basis"),
            (join(corrects_on=MAY), "CORRECTION_REASON_MISSING", "correction_reason"),
            (join(correction_reason="笔误"), "UNIT_UNKNOWN", "unit_id"),
        ],
    )
    def test_refuses(self, wrong: JoinUnit, code: str, field: str) -> None:
        given(UNIT_REGISTRY).when(wrong, FACTS).raises(code, field=field)


class TestLeave:
    def test_no_longer_belongs_from_that_day(self) -> None:
        state = given(UNIT_REGISTRY, JOINED).when(leave(), FACTS).then(LEFT)
        assert [unit_on(state, "east", day) is not None for day in (date(2015, 4, 30), MAY)] == [True, False]

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, JOINED, LEFT).when(leave(), FACTS).nothing()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (leave(unit_id="north"), "UNIT_UNKNOWN", "unit_id"),
            (leave(date(2014, 1, 1)), "UNIT_LEFT_BEFORE_JOINED", "occurred_on"),
            (leave(date(2013, 1, 1)), "UNIT_LEFT_BEFORE_JOINED", "occurred_on"),
            (leave(TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
            (leave(inferred=True), "BASIS_MISSING", "basis"),
            (leave(correction_reason="笔误"), "NOTHING_TO_CORRECT", "corrects_on"),
        ],
    )
    def test_refuses(self, wrong: LeaveUnit, code: str, field: str) -> None:
        given(UNIT_REGISTRY, JOINED).when(wrong, FACTS).raises(code, field=field)

    def test_another_day_needs_a_reason(self) -> None:
        given(UNIT_REGISTRY, JOINED, LEFT).when(leave(JUNE), FACTS).raises("ALREADY_RECORDED", field="occurred_on")

    def test_cannot_leave_before_it_took_its_last_code(self) -> None:
        given(UNIT_REGISTRY, JOINED, RECODED).when(leave(date(2015, 2, 1)), FACTS).raises("UNIT_LEFT_BEFORE_JOINED")


class TestRecode:
    def test_bears_the_new_code_and_name_from_that_day(self) -> None:
        state = given(UNIT_REGISTRY, JOINED).when(recode(), FACTS).then(RECODED)
        record = unit(state, "east")
        assert record is not None
        assert [(span.code, span.name, span.valid_from, span.valid_to, span.scored) for span in record.spans] == [
            ("130602", "east区", date(2014, 1, 1), MAY, True),
            ("130607", "东城区", MAY, None, True),
        ]

    def test_a_county_becomes_a_district(self) -> None:
        county = joined("man", "130621", kind=UnitKind.COUNTY, name="满城县")
        order = recode(unit_id="man", kind=UnitKind.DISTRICT, name="满城区")
        state = given(UNIT_REGISTRY, county).when(order, FACTS).state
        kinds = [unit_on(state, "man", day) for day in (date(2015, 4, 30), MAY)]
        assert [span and span.kind for span in kinds] == [UnitKind.COUNTY, UnitKind.DISTRICT]

    def test_keeps_name_and_kind_that_are_not_given(self) -> None:
        given(UNIT_REGISTRY, JOINED).when(recode(name=None), FACTS).then(
            UnitRecoded(occurred_on=MAY, unit_id="east", code="130607", name="east区", kind=UnitKind.DISTRICT)
        )

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, JOINED, RECODED).when(recode(), FACTS).nothing()

    def test_the_old_code_is_free_for_another(self) -> None:
        given(UNIT_REGISTRY, JOINED, RECODED).when(join("west", on=MAY), FACTS).then(joined("west", on=MAY))

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (recode(unit_id="north"), "UNIT_UNKNOWN", "unit_id"),
            (recode(date(2013, 1, 1)), "UNIT_NOT_MEMBER", "occurred_on"),
            (recode(date(2014, 1, 1)), "ALREADY_RECORDED", "occurred_on"),
            (recode(code="130603"), "UNIT_CODE_HELD", "code"),
            (recode(code="13"), "UNIT_CODE_FORMAT", "code"),
            (recode(TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
            (recode(correction_reason="笔误"), "NOTHING_TO_CORRECT", "corrects_on"),
        ],
    )
    def test_refuses(self, wrong: RecodeUnit, code: str, field: str) -> None:
        given(UNIT_REGISTRY, JOINED, joined("west", "130603")).when(wrong, FACTS).raises(code, field=field)

    def test_a_unit_that_left_takes_no_code(self) -> None:
        given(UNIT_REGISTRY, JOINED, LEFT).when(recode(JUNE), FACTS).raises("UNIT_NOT_MEMBER", field="occurred_on")


class TestCorrections:
    """A correction is the same fact again with a reason; it replaces the one recorded for `corrects_on`."""

    def test_of_a_name(self) -> None:
        order = join(name="东市区", correction_reason="笔误")
        state = given(UNIT_REGISTRY, JOINED).when(order, FACTS).then(joined(name="东市区", correction_reason="笔误"))
        found = unit_on(state, "east", MAY)
        assert found is not None
        assert found.name == "东市区"

    def test_of_the_day_of_joining(self) -> None:
        order = join(on=date(2012, 1, 1), corrects_on=date(2014, 1, 1), correction_reason="查到批文")
        state = given(UNIT_REGISTRY, JOINED, RECODED).when(order, FACTS).state
        record = unit(state, "east")
        assert record is not None
        assert [span.valid_from for span in record.spans] == [date(2012, 1, 1), MAY]

    def test_of_the_day_of_leaving(self) -> None:
        order = leave(JUNE, corrects_on=MAY, correction_reason="查到批文")
        state = given(UNIT_REGISTRY, JOINED, LEFT).when(order, FACTS).state
        assert unit_on(state, "east", date(2015, 5, 31)) is not None
        assert unit_on(state, "east", JUNE) is None

    def test_of_a_code(self) -> None:
        order = recode(code="130608", correction_reason="笔误")
        state = given(UNIT_REGISTRY, JOINED, RECODED).when(order, FACTS).state
        assert unit_with_code(state, "130607", JUNE) is None
        assert unit_with_code(state, "130608", JUNE) is not None

    def test_frees_no_code_that_is_held(self) -> None:
        later = leave(JUNE, corrects_on=MAY, correction_reason="查到批文")
        given(UNIT_REGISTRY, JOINED, LEFT, joined("west", on=MAY)).when(later, FACTS).raises("UNIT_CODE_HELD")

    def test_keeps_the_facts_in_order(self) -> None:
        too_late = join(on=JUNE, corrects_on=date(2014, 1, 1), correction_reason="查到批文")
        given(UNIT_REGISTRY, JOINED, LEFT).when(too_late, FACTS).raises("FACTS_OUT_OF_ORDER", field="occurred_on")
        given(UNIT_REGISTRY, JOINED, RECODED).when(too_late, FACTS).raises("FACTS_OUT_OF_ORDER")
