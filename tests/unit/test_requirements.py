"""What a plain city has installed is all that the product imports: the tests' own environment has more."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.imports import imports_of

ROOT = Path(__file__).parents[2]
OURS = ("deploy", "services")


def imported(text: str) -> set[str]:
    """The outermost names of what a module imports, but for its own package's."""
    return {name.partition(".")[0] for name in imports_of(ast.parse(text)) if not name.startswith(".")}


def installed(requirements: Path) -> set[str]:
    """The distributions that a file of hashed requirements names."""
    return set(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==", requirements.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("package", OURS)
def test_a_plain_city_has_everything_that_is_imported(package: str) -> None:
    has = installed(ROOT / "requirements" / "runtime.txt")
    brought = packages_distributions()
    lacking = {
        (name, str(path.relative_to(ROOT)))
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in imported(path.read_text(encoding="utf-8"))
        if name not in sys.stdlib_module_names and name not in OURS
        if not any(re.sub(r"[-_.]+", "-", one).lower() in has for one in brought.get(name, ()))
    }
    assert not lacking
    assert {"grpcio", "sqlalchemy", "kafka-python"} <= has


def test_what_only_the_tests_have_would_be_seen() -> None:
    assert imported("import httpx.a as b\nfrom pytest import x\nfrom . import y\nfrom .z import q") == {
        "httpx",
        "pytest",
    }
    assert "pytest" not in installed(ROOT / "requirements" / "runtime.txt")
