"""The table role × command × scope, as data, and the two questions that every door asks of it.

A service's `rights.toml`:

    [commands]
    SignProject = { city_group = "all", unit_head = "own" }
    [queries]
    ProjectBoard = { leader = "all", unit_staff = "own" }
    [operations]
    ReadEvents = { integrator = "all" }

What has no entry, nobody may do. The system role needs none: the platform's own commands pass no door.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from services.chassis.auth.principals import ROLE_TITLES, Principal, Role, Scope
from services.chassis.errors import Forbidden

Grants = Mapping[Role, Scope]
_TABLES = ("commands", "queries", "operations")


class RightsError(ValueError):
    """A rights table that says nothing sensible; the message names the file and the key."""


class Rights:
    """Who may do what. Immutable; made by `load`, `none` and `merge`."""

    def __init__(self, grants: Mapping[str, Grants]) -> None:
        self._grants = {name: dict(roles) for name, roles in grants.items()}

    @classmethod
    def none(cls) -> Rights:
        return cls({})

    @classmethod
    def load(cls, path: Path) -> Rights:
        """The table in this TOML file; raises RightsError (bad content) or OSError (not readable)."""
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RightsError(f"{path}: {error}") from error
        grants: dict[str, Grants] = {}
        for table, entries in document.items():
            for name, roles in _entries(path, table, entries).items():
                if name in grants:
                    raise RightsError(f"{path}: {table}.{name}: the name is in two tables")
                grants[name] = _grants(path, f"{table}.{name}", roles)
        return cls(grants)

    @property
    def names(self) -> frozenset[str]:
        """Every command, query and operation that has an entry."""
        return frozenset(self._grants)

    def scope(self, role: Role, name: str) -> Scope | None:
        """How far this role's right to `name` reaches; None: no right at all."""
        if role is Role.SYSTEM:
            return Scope.ALL
        entry = self._grants.get(name)
        return None if entry is None else entry.get(role)

    def merge(self, *others: Rights) -> Rights:
        """One table of all; RightsError when two say different things of one name."""
        merged = dict(self._grants)
        for other in others:
            for name, roles in other._grants.items():
                if merged.setdefault(name, roles) != roles:
                    raise RightsError(f"{name}: two rights tables disagree")
        return Rights(merged)

    def check(self, names: Iterable[str]) -> None:
        """At composition: exactly the names that the doors offer have an entry; RightsError lists the others."""
        offered = frozenset(names)
        missing, idle = sorted(offered - self.names), sorted(self.names - offered)
        complaints = []
        if missing:
            complaints.append(f"without an entry: {', '.join(missing)}")
        if idle:
            complaints.append(f"entries for nothing: {', '.join(idle)}")
        if complaints:
            raise RightsError(f"rights tables: {'; '.join(complaints)}")


def _entries(path: Path, table: str, entries: Any) -> dict[str, Any]:
    if table not in _TABLES or not isinstance(entries, dict):
        raise RightsError(f"{path}: {table}: expected the tables {', '.join(_TABLES)}")
    return entries


def _grants(path: Path, key: str, roles: Any) -> Grants:
    if not isinstance(roles, dict) or not roles:
        raise RightsError(f'{path}: {key}: expected {{ role = "all" | "own" }} with at least one role')
    return {_role(path, f"{key}.{role}", role): _scope(path, f"{key}.{role}", scope) for role, scope in roles.items()}


def _role(path: Path, key: str, value: str) -> Role:
    known = [role.value for role in Role if role is not Role.SYSTEM]
    if value not in known:
        raise RightsError(f"{path}: {key}: unknown role {value!r}; known: {', '.join(known)}")
    return Role(value)


def _scope(path: Path, key: str, value: Any) -> Scope:
    if value not in ("all", "own"):
        raise RightsError(f'{path}: {key}: expected "all" or "own", not {value!r}')
    return Scope(value)


def authorise(rights: Rights, principal: Principal, name: str, title: str | None = None) -> Scope:
    """How far the principal's right to `name` reaches; raises Forbidden where there is none.

    `title` is what `name` is called in Chinese.
    """
    scope = rights.scope(principal.role, name)
    if scope is None:
        raise no_right(principal, name, title)
    return scope


def no_right(principal: Principal, name: str, title: str | None = None) -> Forbidden:
    """The refusal that names the role and what it may not do, for a clerk by its title beside its code."""
    role, what = ROLE_TITLES[principal.role], f"“{title}”({name})" if title else f"“{name}”"
    return Forbidden(f"“{role}”角色没有{what}的权限", f"role {principal.role.value} has no right to {name}")


def require_unit(principal: Principal, scope: Scope, unit: str | None) -> None:
    """Under scope `own`, refuse (Forbidden) whatever is another unit's, the whole city's or nobody's (`unit` None).

    The refusal does not tell which: that something is there, and whose it is, is not the asker's business either.
    """
    if scope is Scope.ALL or (unit is not None and unit == principal.unit):
        return
    own, own_english = principal.unit or "(无)", principal.unit or "none"
    raise Forbidden(
        f"只能办理本单位({own})的事项;这一项不属于本单位,或者不存在",
        f"your right is limited to your own unit ({own_english}); this is not your unit's, or does not exist",
    )
