"""A duty's rhythm in words: all that is stated, in both languages, and nothing that is not."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest

from services.policy_registry.events import Every, Party, Rhythm, Roll
from services.projection.cockpit.labels import Texts
from services.projection.cockpit.rhythms import party_words, rhythm_words

SENTENCES = [
    (Rhythm(every=Every.WEEK), "每周", "weekly"),
    (Rhythm(every=Every.WEEK, weekday=1), "每周一", "every Monday"),
    (Rhythm(every=Every.MONTH, day=5), "每月 5 日前(含当日)", "monthly, by day 5 inclusive"),
    (Rhythm(every=Every.MONTH, opens_day=1, day=5), "每月 1–5 日", "monthly, days 1–5"),
    (Rhythm(every=Every.QUARTER), "每季度", "quarterly"),
    (
        Rhythm(every=Every.QUARTER, month=3, day=25),
        "每季度末月 25 日前(含当日)",
        "by day 25 inclusive of the last month of every quarter",
    ),
    (Rhythm(every=Every.YEAR, month=12), "每年 12 月", "every year in December"),
    (Rhythm(every=Every.YEAR, month=7, opens_day=1, day=10), "每年 7 月 1–10 日", "every year on 1–10 July"),
    (Rhythm(every=Every.YEAR, month=12, opens_day=21), "每年 12 月 21 日起", "every year from 21 December"),
    (
        Rhythm(every=Every.ONCE, due_on=date(2017, 3, 10)),
        "2017-03-10 前(含当日),一次",
        "once, by 2017-03-10 inclusive",
    ),
    (Rhythm(every=Every.OCCASION, occasion="年末未完成"), "按情形:年末未完成", "on occasion: 年末未完成"),
    (
        Rhythm(every=Every.MONTH, day=5, roll=Roll.FORWARD),
        "每月 5 日前(含当日),遇非工作日顺延",
        "monthly, by day 5 inclusive, moved to the next working day",
    ),
]


@pytest.mark.parametrize(("rhythm", "chinese", "english"), SENTENCES)
def test_a_rhythm_is_one_sentence(rhythm: Rhythm, chinese: str, english: str) -> None:
    assert (rhythm_words(rhythm, Texts("zh")), rhythm_words(rhythm, Texts("en"))) == (chinese, english)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_stated_day_is_hidden(language: str) -> None:
    """Whatever a period, month and days are combined: each stated day is in the sentence."""
    t = Texts("en") if language == "en" else Texts("zh")
    for every, month, first, last, roll in product(
        (Every.MONTH, Every.QUARTER, Every.YEAR), (None, 1, 2, 3, 12), (None, 11), (None, 17), Roll
    ):
        words = rhythm_words(Rhythm(every=every, month=month, opens_day=first, day=last, roll=roll), t)
        assert [day for day in (first, last) if day is not None and str(day) not in words] == []


def test_that_nobody_is_named_is_told_in_the_language_of_the_page() -> None:
    assert party_words(Party(words="未明确"), Texts("en")) == "not named"
    assert party_words(Party(words="各单位"), Texts("en")) == "各单位"
