"""`docs/operations.md` for those on call: each section begins in Chinese, and what to do stands in both languages."""

from __future__ import annotations

import re

import pytest

from tests.processes import ROOT

MANUAL = (ROOT / "docs" / "operations.md").read_text("utf-8")
CHINESE = re.compile("[一-鿿]{2,}")


def test_each_section_begins_with_a_chinese_line() -> None:
    sections = re.findall(r"^###? (.+)\n(.*)\n", MANUAL, re.MULTILINE)
    assert len(sections) > 15
    assert [title for title, first in sections if not CHINESE.search(first)] == []


@pytest.mark.parametrize("title", ["When something is wrong", "Proof that nothing is lost", "What to watch"])
def test_what_to_do_stands_in_both_languages(title: str) -> None:
    section = MANUAL[MANUAL.index(f"## {title}\n") :].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("|---")]
    assert len(rows) > 8
    assert [row for row in rows if not CHINESE.search(row)] == []
