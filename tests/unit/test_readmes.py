"""Both READMEs say the same: sections, commands, tables and links; that of the command line names its commands."""

from __future__ import annotations

import importlib
import re

import pytest

from services.chassis.contracts.about import VERSION
from services.cli.app import app
from tests.processes import ROOT

ENGLISH = (ROOT / "README.md").read_text("utf-8")
CHINESE = (ROOT / "README.zh-CN.md").read_text("utf-8")
HEADINGS = {
    "Run it": "运行",
    "Several processes": "多进程",
    "Test it": "测试",
    "Use it": "使用",
    "Find your way": "从哪里看起",
}


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def blocks(text: str) -> list[list[str]]:
    """The commands of each listing, without remarks."""
    found = re.findall(r"^```\w+\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [[re.sub(r"\s+# .*$", "", line) for line in block.splitlines()] for block in found]


def names(text: str) -> set[str]:
    """What is written as code outside of listings."""
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)))


def test_the_sections_are_the_same() -> None:
    assert headings(ENGLISH) == list(HEADINGS)
    assert headings(CHINESE) == list(HEADINGS.values())


def test_the_commands_are_the_same() -> None:
    assert blocks(ENGLISH) == blocks(CHINESE)


def test_names_numbers_and_tables_are_the_same() -> None:
    assert names(ENGLISH) == names(CHINESE)
    for there, here in zip(sections(ENGLISH), sections(CHINESE), strict=True):
        assert there.count("\n|") == here.count("\n|")
        assert numbers(there) == numbers(here)


def sections(text: str) -> list[str]:
    return text.split("\n## ")[1:]


def numbers(text: str) -> set[str]:
    """Those of several digits: others may be words, and days of months are told otherwise."""
    return set(re.findall(r"(?<![\w.:-])\d{2,}(?![\w-])", text)) - {"29"}


def test_links_lead_somewhere() -> None:
    for text in (ENGLISH, CHINESE):
        assert all((ROOT / path).exists() for path in re.findall(r"\]\(([^)#:]+)\)", text))


def test_the_release_is_that_of_the_contracts() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(r"^## (\S+) - \d{4}-\d{2}-\d{2}$", changes, re.MULTILINE)
    assert found is not None
    assert found[1] == VERSION


def test_every_command_of_the_command_line_is_in_its_readme() -> None:
    importlib.import_module("services.cli.main")._load_commands()
    table = (ROOT / "services" / "cli" / "README.md").read_text("utf-8")
    groups = {str(group.name) for group in app.registered_groups}
    alone = {str(each.name or getattr(each.callback, "__name__", "")) for each in app.registered_commands}
    described = set(re.findall(r"`([a-z]+)[ `]", re.sub(r"^[^|].*$", "", table, flags=re.MULTILINE)))
    assert groups | alone <= described


@pytest.mark.parametrize("text", [ENGLISH, CHINESE], ids=["english", "chinese"])
def test_a_login_link_is_told_to_be_for_once(text: str) -> None:
    [line] = [line for line in text.splitlines() if "--login" in line]
    assert "15" in line
    assert "BIZENV_PUBLIC_URL" in text
