"""The domain's helpers: rules, dates, deciders."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from services.chassis.domain import NOT_IN_FUTURE, DomainError, EntityId, Facts, Rule, require_not_in_future
from services.chassis.errors import InvalidRequest
from services.chassis.validation import convert
from tests.sample_service import COUNTER, Add, Counter, CounterAdded, CounterOpened, OpenCounter

FACTS = Facts(today=date(2017, 3, 1))


def test_a_broken_rule_says_which_field_and_both_sentences() -> None:
    rule = Rule("TOO_MANY", "最多 {limit} 个", "{limit} at the most")
    error = rule.broken("count", limit=3)
    assert (error.code, error.field, error.message, error.english) == (
        "TOO_MANY",
        "count",
        "最多 3 个",
        "3 at the most",
    )
    assert str(error) == "TOO_MANY (count): 最多 3 个"
    with pytest.raises(KeyError):
        rule.broken("count")


def test_a_day_after_today_is_refused_and_today_is_not() -> None:
    require_not_in_future(date(2017, 3, 1), FACTS)
    require_not_in_future(date(2016, 12, 31), FACTS)
    with pytest.raises(DomainError) as raised:
        require_not_in_future(date(2017, 3, 2), FACTS, "started_on")
    assert raised.value.code == NOT_IN_FUTURE.code
    assert raised.value.field == "started_on"
    assert "2017-03-02" in raised.value.message
    assert "2017-03-01" in raised.value.english


@pytest.mark.parametrize("text", ["a", "A-1", "13.0602", "x" * 64, "0_"])
def test_entity_ids(text: str) -> None:
    assert msgspec.convert(text, EntityId) == text


@pytest.mark.parametrize("text", ["", "-a", ".a", "a b", "a/b", "甲", "x" * 65, "a:b"])
def test_what_is_no_entity_id(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, EntityId)


def test_an_entity_id_from_outside_ends_where_it_ends() -> None:
    """A line break behind it would make two streams that look alike; the doors see to it."""
    with pytest.raises(InvalidRequest):
        convert("a\n", EntityId)


def test_a_decider_names_the_stream_and_folds() -> None:
    assert COUNTER.stream(Add(counter="c-1", amount=1)) == "counter-c-1"
    opened = CounterOpened(occurred_on=date(2017, 3, 1), unit="130602")
    added = CounterAdded(occurred_on=date(2017, 3, 1), amount=4)
    assert COUNTER.fold([]) == Counter()
    state = COUNTER.fold([opened, added])
    assert state == Counter(unit="130602", total=4)
    assert COUNTER.fold([added], state) == Counter(unit="130602", total=8)
    assert list(COUNTER.decide(Counter(), OpenCounter(counter="c", unit="130602"), FACTS)) == [opened]
