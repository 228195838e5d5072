"""Which post answered for what on which day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from services.chassis.domain import Command
from services.policy_registry.events import (
    PostAbolished,
    PostEstablished,
    PostMadeResponsible,
    PostRelieved,
    UnitLeft,
    UnitRegister,
    responsible_on,
)
from services.policy_registry.unit_registry import (
    UNIT_REGISTRY,
    AbolishPost,
    EstablishPost,
    MakeResponsible,
    RelievePost,
)
from tests.unit.given import given
from tests.unit.policy_registry.samples import FACTS, TOMORROW, joined

START, MARCH, JULY = date(2017, 1, 1), date(2017, 3, 1), date(2017, 7, 1)
JOINED = joined()
ESTABLISHED = PostEstablished(occurred_on=START, post_id="head", unit_id="east", title="区长")
MADE = PostMadeResponsible(occurred_on=MARCH, post_id="head", subject="measure:m16")
RELIEVED = PostRelieved(occurred_on=JULY, post_id="head", subject="measure:m16")
ABOLISHED = PostAbolished(occurred_on=JULY, post_id="head", reason="机构改革")
HISTORY = (JOINED, ESTABLISHED)


def establish(on: date = START, **changes: Any) -> EstablishPost:
    values: dict[str, Any] = {"post_id": "head", "unit_id": "east", "title": "区长"}
    return EstablishPost(registry_id="city", occurred_on=on, **(values | changes))


def abolish(on: date = JULY, **changes: Any) -> AbolishPost:
    values: dict[str, Any] = {"post_id": "head", "reason": "机构改革"}
    return AbolishPost(registry_id="city", occurred_on=on, **(values | changes))


def make(on: date = MARCH, **changes: Any) -> MakeResponsible:
    values: dict[str, Any] = {"post_id": "head", "subject": "measure:m16"}
    return MakeResponsible(registry_id="city", occurred_on=on, **(values | changes))


def relieve(on: date = JULY, **changes: Any) -> RelievePost:
    values: dict[str, Any] = {"post_id": "head", "subject": "measure:m16"}
    return RelievePost(registry_id="city", occurred_on=on, **(values | changes))


def who(state: UnitRegister, day: date, subject: str = "measure:m16") -> list[str]:
    return [post.post_id for post in responsible_on(state, subject, day)]


class TestEstablish:
    def test_yes(self) -> None:
        given(UNIT_REGISTRY, JOINED).when(establish(), FACTS).then(ESTABLISHED)

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, *HISTORY).when(establish(), FACTS).nothing()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (establish(title="书记"), "ALREADY_RECORDED", "occurred_on"),
            (establish(MARCH), "ALREADY_RECORDED", "occurred_on"),
            (establish(unit_id="west"), "POST_OF_OTHER_UNIT", "unit_id"),
            (establish(unit_id="north"), "UNIT_UNKNOWN", "unit_id"),
            (establish(date(2013, 1, 1), post_id="new"), "UNIT_NOT_MEMBER", "occurred_on"),
            (establish(TOMORROW, post_id="new"), "DATE_IN_FUTURE", "occurred_on"),
        ],
    )
    def test_refuses(self, wrong: EstablishPost, code: str, field: str) -> None:
        given(UNIT_REGISTRY, *HISTORY, joined("west", "130603")).when(wrong, FACTS).raises(code, field=field)

    def test_a_unit_that_left_gets_no_post(self) -> None:
        left = UnitLeft(occurred_on=START, unit_id="east", reason="撤销")
        given(UNIT_REGISTRY, JOINED, left).when(establish(), FACTS).raises("UNIT_NOT_MEMBER", field="occurred_on")

    def test_a_title_is_corrected_with_a_reason(self) -> None:
        state = given(UNIT_REGISTRY, *HISTORY).when(establish(title="书记", correction_reason="笔误"), FACTS).state
        assert state.posts["head"].title == "书记"

    def test_again_after_it_was_abolished(self) -> None:
        state = given(UNIT_REGISTRY, *HISTORY, ABOLISHED).when(establish(date(2017, 8, 1)), FACTS).state
        days = (START, JULY, date(2017, 8, 1))
        assert [state.posts["head"].exists_on(day) for day in days] == [True, False, True]


class TestAbolish:
    def test_answers_for_nothing_any_more(self) -> None:
        state = given(UNIT_REGISTRY, *HISTORY, MADE).when(abolish(), FACTS).then(ABOLISHED)
        assert (who(state, date(2017, 6, 30)), who(state, JULY)) == (["head"], [])

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, *HISTORY, ABOLISHED).when(abolish(), FACTS).nothing()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (abolish(post_id="nobody"), "POST_UNKNOWN", "post_id"),
            (abolish(START), "FACTS_OUT_OF_ORDER", "occurred_on"),
            (abolish(TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
            (abolish(correction_reason="笔误"), "NOTHING_TO_CORRECT", "corrects_on"),
        ],
    )
    def test_refuses(self, wrong: AbolishPost, code: str, field: str) -> None:
        given(UNIT_REGISTRY, *HISTORY).when(wrong, FACTS).raises(code, field=field)

    def test_another_day_needs_a_reason(self) -> None:
        given(UNIT_REGISTRY, *HISTORY, ABOLISHED).when(abolish(MARCH), FACTS).raises("ALREADY_RECORDED")


class TestMakeResponsible:
    def test_answers_from_that_day(self) -> None:
        state = given(UNIT_REGISTRY, *HISTORY).when(make(), FACTS).then(MADE)
        assert (who(state, date(2017, 2, 28)), who(state, MARCH)) == ([], ["head"])

    def test_several_posts_answer_for_one_subject(self) -> None:
        second = PostEstablished(occurred_on=START, post_id="deputy", unit_id="east", title="副区长")
        state = given(UNIT_REGISTRY, *HISTORY, second, MADE).when(make(post_id="deputy"), FACTS).state
        assert who(state, MARCH) == ["deputy", "head"]

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, *HISTORY, MADE).when(make(), FACTS).nothing()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (make(post_id="nobody"), "POST_UNKNOWN", "post_id"),
            (make(date(2016, 12, 31)), "POST_NOT_IN_FORCE", "occurred_on"),
            (make(JULY), "ALREADY_RECORDED", "occurred_on"),
            (make(TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
            (make(subject="measure:m17", correction_reason="笔误"), "NOTHING_TO_CORRECT", "corrects_on"),
        ],
    )
    def test_refuses(self, wrong: MakeResponsible, code: str, field: str) -> None:
        given(UNIT_REGISTRY, *HISTORY, MADE).when(wrong, FACTS).raises(code, field=field)

    def test_the_post_of_a_unit_that_left_answers_for_nothing(self) -> None:
        left = UnitLeft(occurred_on=JULY, unit_id="east", reason="托管")
        state = UNIT_REGISTRY.fold([*HISTORY, MADE, left])
        assert (who(state, date(2017, 6, 30)), who(state, JULY)) == (["head"], [])
        given(UNIT_REGISTRY, *HISTORY, left).when(make(JULY), FACTS).raises("UNIT_NOT_MEMBER", field="occurred_on")

    def test_the_day_is_corrected_with_a_reason(self) -> None:
        order = make(START, corrects_on=MARCH, correction_reason="任命文件为1月1日")
        state = given(UNIT_REGISTRY, *HISTORY, MADE).when(order, FACTS).state
        assert who(state, START) == ["head"]


class TestRelieve:
    def test_answers_no_more_from_that_day(self) -> None:
        state = given(UNIT_REGISTRY, *HISTORY, MADE).when(relieve(), FACTS).then(RELIEVED)
        assert (who(state, date(2017, 6, 30)), who(state, JULY)) == (["head"], [])

    def test_the_same_again_says_nothing_new(self) -> None:
        given(UNIT_REGISTRY, *HISTORY, MADE, RELIEVED).when(relieve(), FACTS).nothing()

    @pytest.mark.parametrize(
        ("wrong", "code", "field"),
        [
            (relieve(post_id="nobody"), "POST_UNKNOWN", "post_id"),
            (relieve(subject="measure:m17"), "POST_NOT_RESPONSIBLE", "subject"),
            (relieve(START), "POST_NOT_RESPONSIBLE", "subject"),
            (relieve(MARCH), "FACTS_OUT_OF_ORDER", "occurred_on"),
            (relieve(TOMORROW), "DATE_IN_FUTURE", "occurred_on"),
        ],
    )
    def test_refuses(self, wrong: Command, code: str, field: str) -> None:
        given(UNIT_REGISTRY, *HISTORY, MADE).when(wrong, FACTS).raises(code, field=field)

    def test_can_be_made_responsible_again(self) -> None:
        again = make(date(2017, 8, 1))
        state = given(UNIT_REGISTRY, *HISTORY, MADE, RELIEVED).when(again, FACTS).state
        assert [who(state, day) for day in (JULY, date(2017, 8, 1))] == [[], ["head"]]
