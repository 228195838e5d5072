"""The rules of the register, and the checks that several orders share."""

from __future__ import annotations

import re
from datetime import date

from services.chassis.domain import Rule, require_not_in_future
from services.policy_registry.events import PostRecord, UnitKind, UnitRecord, UnitRegister, UnitSpan
from services.policy_registry.events.spans import alternate, overlap
from services.policy_registry.unit_registry.commands import RegistryOrder
from services.policy_registry.unit_registry.facts import RegistryFacts

CODE_FORMAT = Rule(
    "UNIT_CODE_FORMAT",
    "单位代码 {code} 不合规范:县(市、区)、开发区为六位数字,部门、机构为小写字母",
    "{code} is no code for this kind: six digits for territories and zones, small letters for departments and offices",
)
CODE_HELD = Rule(
    "UNIT_CODE_HELD",
    "代码 {code} 在 {day} 属于{name},同一天不能有两个单位使用",
    "the code {code} belongs to {name} ({unit_id}) on {day}; no two units bear one code on one day",
)
UNIT_UNKNOWN = Rule("UNIT_UNKNOWN", "单位 {unit_id} 未登记", "the unit {unit_id} is not registered")
UNIT_NOT_MEMBER = Rule(
    "UNIT_NOT_MEMBER", "单位 {unit_id} 在 {day} 不在名录内", "the unit {unit_id} does not belong on {day}"
)
UNIT_LEFT_BEFORE_JOINED = Rule(
    "UNIT_LEFT_BEFORE_JOINED",
    "退出日期 {day} 不晚于最近登记的日期 {since}",
    "the unit cannot leave on {day}: its last recorded fact holds from {since}",
)
UNIT_JOINS_TOO_EARLY = Rule(
    "UNIT_JOINS_TOO_EARLY",
    "单位 {unit_id} 在 {since} 才退出,不能在 {day} 重新加入",
    "the unit {unit_id} left on {since} and cannot join again on {day}",
)
POST_UNKNOWN = Rule("POST_UNKNOWN", "岗位 {post_id} 未设立", "the post {post_id} is not established")
POST_NOT_IN_FORCE = Rule(
    "POST_NOT_IN_FORCE", "岗位 {post_id} 在 {day} 不存在", "the post {post_id} does not exist on {day}"
)
POST_OF_OTHER_UNIT = Rule(
    "POST_OF_OTHER_UNIT", "岗位 {post_id} 属于单位 {unit_id}", "the post {post_id} belongs to the unit {unit_id}"
)
NOT_RESPONSIBLE = Rule(
    "POST_NOT_RESPONSIBLE",
    "岗位 {post_id} 在 {day} 并不负责 {subject}",
    "the post {post_id} does not answer for {subject} on {day}",
)
ALREADY_RECORDED = Rule(
    "ALREADY_RECORDED",
    "该事实已于 {day} 登记;如需更正,请写明更正理由",
    "this is recorded for {day} already; to correct it, give the reason",
)
NOTHING_TO_CORRECT = Rule("NOTHING_TO_CORRECT", "{day} 没有可更正的登记", "nothing of this kind is recorded for {day}")
CORRECTION_REASON_MISSING = Rule("CORRECTION_REASON_MISSING", "更正必须写明理由", "a correction must give its reason")
FACTS_OUT_OF_ORDER = Rule(
    "FACTS_OUT_OF_ORDER",
    "先后次序不成立:加入(设立)、变更、退出(撤销)必须依次发生",
    "the facts would not follow one another in time: joining, changes, leaving",
)
OTHER_REGISTRY = Rule(
    "UNIT_REGISTRY_OTHER", "本市单位名录编号是 {id},不是 {given}", "the unit registry of this city is {id}, not {given}"
)
BASIS_MISSING = Rule("BASIS_MISSING", "标为推定的事实必须写明依据", "what is inferred must name its basis")

_DIGITS = re.compile(r"\d{6}")
_LETTERS = re.compile(r"[a-z][a-z0-9_]{1,31}")
CODE_FORMS: dict[UnitKind, re.Pattern[str]] = {
    UnitKind.DISTRICT: _DIGITS,
    UnitKind.COUNTY: _DIGITS,
    UnitKind.CITY: _DIGITS,
    UnitKind.ZONE: _DIGITS,
    UnitKind.DEPARTMENT: _LETTERS,
    UnitKind.OFFICE: _LETTERS,
}


def require_sound_order(order: RegistryOrder, facts: RegistryFacts) -> None:
    """What holds for every order: it is about the city's register, it has happened, an inference has a basis, a
    correction has a reason."""
    if facts.registry_id not in (None, order.registry_id):
        raise OTHER_REGISTRY.broken("registry_id", id=facts.registry_id, given=order.registry_id)
    require_not_in_future(order.occurred_on, facts)
    if order.inferred and order.basis is None:
        raise BASIS_MISSING.broken("basis")
    if order.corrects_on is not None and order.correction_reason is None:
        raise CORRECTION_REASON_MISSING.broken("correction_reason")


def require_recorded_for(order: RegistryOrder, days: tuple[date, ...]) -> None:
    """A correction replaces something: one of these days has the fact that it is about."""
    day = order.corrects_on or order.occurred_on
    if day not in days:
        raise NOTHING_TO_CORRECT.broken("corrects_on", day=day)


def require_code_form(kind: UnitKind, code: str) -> None:
    if CODE_FORMS[kind].fullmatch(code) is None:
        raise CODE_FORMAT.broken("code", code=code)


def known_unit(register: UnitRegister, unit_id: str) -> UnitRecord:
    record = register.units.get(unit_id)
    if record is None:
        raise UNIT_UNKNOWN.broken("unit_id", unit_id=unit_id)
    return record


def require_member(register: UnitRegister, unit_id: str, day: date, field: str = "occurred_on") -> UnitSpan:
    """The unit as it is on that day; refused when it does not belong then."""
    span = known_unit(register, unit_id).on(day)
    if span is None:
        raise UNIT_NOT_MEMBER.broken(field, unit_id=unit_id, day=day)
    return span


def known_post(register: UnitRegister, post_id: str) -> PostRecord:
    record = register.posts.get(post_id)
    if record is None:
        raise POST_UNKNOWN.broken("post_id", post_id=post_id)
    return record


def require_codes_apart(after: UnitRegister, unit_id: str) -> None:
    """On no day may a code belong to two units: looks at every day of this unit's spans."""
    mine = after.units[unit_id]
    for other in after.units.values():
        if other.unit_id != unit_id:
            _require_apart(mine, other)


def _require_apart(mine: UnitRecord, other: UnitRecord) -> None:
    for span in mine.spans:
        for theirs in other.spans:
            day = overlap(span, theirs) if span.code == theirs.code else None
            if day is not None:
                raise CODE_HELD.broken("code", code=span.code, day=day, name=theirs.name, unit_id=theirs.unit_id)


def require_in_order(record: UnitRecord) -> None:
    """Joining and leaving take turns, and each designation falls on its own day inside a membership."""
    days = [each.on for each in record.designations]
    if not alternate(record.membership) or len(set(days)) < len(days) or len(record.spans) < len(days):
        raise FACTS_OUT_OF_ORDER.broken("occurred_on")
