"""The chassis's README: who looks for a module finds what it is for."""

from __future__ import annotations

import re
from pathlib import Path

CHASSIS = Path(__file__).parents[3] / "services" / "chassis"
TABLE = [line for line in (CHASSIS / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]


def named() -> list[str]:
    """What the first column of the table names, with the mark of a folder."""
    return [name for line in TABLE for name in re.findall(r"`([a-z_]+/?)`", line.split("|")[1])]


def test_every_module_and_every_folder_is_named_once() -> None:
    modules = {path.stem for path in CHASSIS.glob("*.py")} - {"__init__"}
    folders = {f"{path.parent.name}/" for path in CHASSIS.glob("*/__init__.py")}
    assert sorted(named()) == sorted(modules | folders)
