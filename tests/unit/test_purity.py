"""Domain modules are pure: what they import is on a list, and nothing in them asks for the time or opens a file."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.imports import imports_of

SERVICES = Path(__file__).parents[2] / "services"
ROOMS = [
    *sorted(SERVICES.glob("*/events")),
    SERVICES / "policy_registry" / "programme",
    SERVICES / "policy_registry" / "unit_registry",
    SERVICES / "project_tracking" / "project",
]
MODULES = [*(module for room in ROOMS for module in sorted(room.rglob("*.py"))), SERVICES / "chassis" / "domain.py"]

PURE = {
    *("__future__", "calendar", "collections", "dataclasses", "datetime", "decimal", "enum", "functools", "itertools"),
    *("math", "msgspec", "re", "typing"),
}
"""The standard library's pure modules that a decision may need, and msgspec."""
ASKS_THE_WORLD = {"today", "now", "utcnow", "fromtimestamp", "open", "print", "input", "eval", "exec", "__import__"}
"""Calls that would make a decision depend on more than its arguments, or be seen outside."""


def name_of(module: Path) -> str:
    return ".".join(module.relative_to(SERVICES.parent).with_suffix("").parts)


def allowed(name: str, module: Path) -> bool:
    """A pure module, `chassis.domain`, a module of the same room, or what a service publishes."""
    if name.partition(".")[0] in PURE or name == "services.chassis.domain":
        return True
    parts = name.split(".")
    room = name_of(module).split(".")[:3]
    return parts[0] == "services" and (parts[:3] == room or parts[2:3] == ["events"])


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_domain_module_imports_only_what_is_pure(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    assert [name for name in imports_of(tree) if not allowed(name, module)] == []


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_domain_module_asks_nothing_of_the_world(module: Path) -> None:
    calls = [
        node.func for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    names = [call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "") for call in calls]
    assert ASKS_THE_WORLD & set(names) == set()


@pytest.mark.parametrize(
    "name",
    [
        "os",
        "time",
        "random",
        "logging",
        "pathlib",
        "uuid",
        "sqlalchemy",
        "services.chassis.time.clock",
        "services.projection",
    ],
)
def test_the_list_lets_nothing_else_pass(name: str) -> None:
    assert not allowed(name, SERVICES / "project_tracking" / "project" / "order.py")


def test_every_room_is_looked_at() -> None:
    """A renamed folder would otherwise be looked at by nobody."""
    assert all(room.is_dir() and any(room.rglob("*.py")) for room in ROOMS)
    assert len(ROOMS) >= 5
