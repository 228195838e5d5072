"""The repository's own entry points: what `make` lists, and that a commit is checked as `make lint` checks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_target_has_a_help_text() -> None:
    """A target without one would be missing from what `make` lists."""
    declared = re.search(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)
    assert declared is not None
    told = set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))
    assert set(declared[1].split()) == told


def test_a_commit_is_checked_as_lint_checks() -> None:
    """Every check of `make lint` that stands on its own is a hook."""
    lint = MAKEFILE.partition("\nlint:")[2].partition("\n\n")[0]
    checks = set(re.findall(r"^\t\$\(BIN\)/([^.\n]+?)(?: \.)?$", lint, re.MULTILINE))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = set(re.findall(r"entry: \.venv/bin/([^,]+),", hooks))
    assert {"buf lint proto", "mypy"} <= checks
    assert all(any(entry.startswith(check) or check.startswith(entry) for entry in entries) for check in checks)
