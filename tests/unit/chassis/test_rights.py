"""The rights table and the two questions asked of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.auth import (
    ROLE_TITLES,
    Principal,
    Rights,
    RightsError,
    Role,
    Scope,
    authorise,
    require_unit,
    system,
)
from services.chassis.errors import Forbidden

TABLE = """
[commands]
Bake = { city_group = "all", unit_head = "own" }
[queries]
Menu = { leader = "all" }
[operations]
ReadEvents = { integrator = "all" }
"""
HEAD = Principal("wang", Role.UNIT_HEAD, "130602")


def table(folder: Path, text: str) -> Path:
    path = folder / "rights.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def rights(tmp_path: Path) -> Rights:
    return Rights.load(table(tmp_path, TABLE))


def test_a_table_gives_each_role_its_scope(rights: Rights) -> None:
    assert rights.names == {"Bake", "Menu", "ReadEvents"}
    assert rights.scope(Role.CITY_GROUP, "Bake") is Scope.ALL
    assert rights.scope(Role.UNIT_HEAD, "Bake") is Scope.OWN
    assert rights.scope(Role.INTEGRATOR, "ReadEvents") is Scope.ALL


def test_what_has_no_entry_nobody_may_do(rights: Rights) -> None:
    assert rights.scope(Role.LEADER, "Bake") is None
    assert rights.scope(Role.LEADER, "Eat") is None
    assert Rights.none().scope(Role.LEADER, "Menu") is None


def test_the_platform_itself_needs_no_entry() -> None:
    assert authorise(Rights.none(), system("bakery"), "Bake") is Scope.ALL
    assert system("bakery").actor == "system:bakery"


def test_authorise_names_the_role_and_the_right_in_both_languages(rights: Rights) -> None:
    assert authorise(rights, HEAD, "Bake") is Scope.OWN
    with pytest.raises(Forbidden) as refused:
        authorise(rights, HEAD, "Menu")
    assert "单位负责人" in refused.value.message
    assert "Menu" in refused.value.message
    assert refused.value.english == "role unit_head has no right to Menu"


def test_a_refusal_names_what_is_refused_by_its_title_beside_its_code(rights: Rights) -> None:
    with pytest.raises(Forbidden) as refused:
        authorise(rights, HEAD, "Menu", "菜单")
    assert refused.value.message == "“单位负责人”角色没有“菜单”(Menu)的权限"


@pytest.mark.parametrize("unit", [None, "130603", ""])
def test_scope_own_ends_at_the_own_unit(unit: str | None) -> None:
    require_unit(HEAD, Scope.OWN, "130602")
    require_unit(HEAD, Scope.ALL, unit)
    with pytest.raises(Forbidden, match="130602"):
        require_unit(HEAD, Scope.OWN, unit)


def test_scope_own_without_a_unit_is_nothing() -> None:
    with pytest.raises(Forbidden):
        require_unit(Principal("li", Role.DEPARTMENT), Scope.OWN, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[commands]\nBake = { baker = "all" }', ["commands.Bake.baker", "unknown role", "unit_head"]),
        ('[commands]\nBake = { system = "all" }', ["commands.Bake.system", "unknown role"]),
        ('[commands]\nBake = { leader = "some" }', ["commands.Bake.leader", "'some'"]),
        ("[commands]\nBake = { leader = [] }", ["commands.Bake.leader"]),
        ('[commands]\nBake = "all"', ["commands.Bake"]),
        ("[commands]\nBake = {}", ["commands.Bake", "at least one role"]),
        ('[orders]\nBake = { leader = "all" }', ["orders", "commands, queries, operations"]),
        ("commands = 1", ["commands"]),
        ('[commands]\nBake = { leader = "all" }\n[queries]\nBake = { leader = "all" }', ["queries.Bake", "two tables"]),
        ("[commands", ["Expected"]),
    ],
)
def test_a_wrong_table_is_refused_with_file_and_key(tmp_path: Path, text: str, words: list[str]) -> None:
    path = table(tmp_path, text)
    with pytest.raises(RightsError) as refused:
        Rights.load(path)
    assert all(word in str(refused.value) for word in [str(path), *words])


def test_merged_tables_may_repeat_but_not_contradict(rights: Rights) -> None:
    more = Rights({"Sell": {Role.LEADER: Scope.ALL}, "Menu": {Role.LEADER: Scope.ALL}})
    assert rights.merge(more).names == rights.names | {"Sell"}
    assert "Sell" not in rights.names
    with pytest.raises(RightsError, match="Menu"):
        rights.merge(Rights({"Menu": {Role.LEADER: Scope.OWN}}))


def test_composition_lists_what_is_missing_and_what_is_idle(rights: Rights) -> None:
    rights.check(["Bake", "Menu", "ReadEvents"])
    with pytest.raises(RightsError) as refused:
        rights.check(["Bake", "Menu", "Sell", "Buy"])
    assert "without an entry: Buy, Sell" in str(refused.value)
    assert "entries for nothing: ReadEvents" in str(refused.value)


def test_every_role_has_a_title_for_clerks() -> None:
    assert set(ROLE_TITLES) == set(Role)
