"""Roles, scopes, and the principal that a request or a reaction acts as."""

from __future__ import annotations

import re
from enum import StrEnum

import msgspec

from services.chassis.errors import InvalidRequest, Violation


class Role(StrEnum):
    """What a principal is to the programme. `SYSTEM` is the platform itself and never gets a token."""

    LEADER = "leader"
    CITY_GROUP = "city_group"
    DEPARTMENT = "department"
    UNIT_HEAD = "unit_head"
    UNIT_STAFF = "unit_staff"
    INSPECTOR = "inspector"
    EXPERT = "expert"
    AUDITOR = "auditor"
    INTEGRATOR = "integrator"
    OPERATOR = "operator"
    SYSTEM = "system"


ROLE_TITLES: dict[Role, str] = {
    Role.LEADER: "市领导",
    Role.CITY_GROUP: "市创优营商环境组",
    Role.DEPARTMENT: "市直部门",
    Role.UNIT_HEAD: "单位负责人",
    Role.UNIT_STAFF: "单位填报员",
    Role.INSPECTOR: "观摩督查员",
    Role.EXPERT: "评审专家",
    Role.AUDITOR: "审计员",
    Role.INTEGRATOR: "对接系统",
    Role.OPERATOR: "运维员",
    Role.SYSTEM: "系统",
}
"""The roles' names in sentences for clerks."""

ROLE_PURPOSES: dict[Role, tuple[str, str]] = {
    Role.LEADER: ("看全市", "sees the whole city, and its events"),
    Role.CITY_GROUP: ("管方案、名录与全市项目", "runs the programme: sees everything, may send every command"),
    Role.DEPARTMENT: ("看全市", "sees the whole city"),
    Role.UNIT_HEAD: ("办理和查看本单位的项目", "sees its own unit and sends its commands; needs --unit"),
    Role.UNIT_STAFF: ("填报和查看本单位的项目", "sees its own unit and reports for it; needs --unit"),
    Role.INSPECTOR: ("看全市", "sees the whole city"),
    Role.EXPERT: ("看全市", "sees the whole city"),
    Role.AUDITOR: ("看全市和事件", "sees the whole city, and its events"),
    Role.INTEGRATOR: ("读事件、名单和项目", "another system: reads events, units, projects, the programme"),
    Role.OPERATOR: ("只读事件", "reads events only"),
}
"""What each role that gets a token is for, in both languages; the rights tables say it exactly."""

UNIT_ROLES = frozenset({Role.UNIT_HEAD, Role.UNIT_STAFF})
"""Roles that are nothing without a unit."""


class Scope(StrEnum):
    """How far a right reaches: everything, or what belongs to the principal's own unit."""

    ALL = "all"
    OWN = "own"


class Principal(msgspec.Struct, frozen=True):
    """Who acts. `unit` is the code of the principal's unit; None for city-wide roles."""

    account: str
    role: Role
    unit: str | None = None

    @property
    def actor(self) -> str:
        """`<role>:<account>`, as stored on events."""
        return f"{self.role.value}:{self.account}"


def system(service: str) -> Principal:
    """The platform acting for a service: its reactions and passing time."""
    return Principal(account=service, role=Role.SYSTEM)


_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def require_issuable(principal: Principal) -> None:
    """Refuse (InvalidRequest) a principal that no token or login code may stand for."""
    violations = tuple(_violations(principal))
    if violations:
        raise InvalidRequest(*violations)


def _violations(principal: Principal) -> list[Violation]:
    found = []
    if not _ACCOUNT.fullmatch(principal.account):
        rule = "letters, digits, '.', '_', '@' or '-'; 1 to 64 characters"
        found.append(Violation("account", "账号只能用字母、数字和 . _ @ -,1 至 64 个字符", rule))
    if principal.role is Role.SYSTEM:
        found.append(Violation("role", "系统角色不发放令牌", "the system role is never given a token"))
    if principal.unit is None and principal.role in UNIT_ROLES:
        title = ROLE_TITLES[principal.role]
        found.append(Violation("unit", f"{title}必须注明所属单位", f"role {principal.role.value} needs a unit"))
    if principal.unit is not None and not _UNIT.fullmatch(principal.unit):
        found.append(Violation("unit", "单位代码格式不对", "the unit's code is malformed"))
    return found
