"""The rules of a programme, and the checks that apply them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date

from services.chassis.domain import Rule
from services.policy_registry.events import Campaign, ProgrammeText, RecurringDuty, RuleSet, require_form

_EARLIEST_ISSUE = date(1949, 1, 1)

PROGRAMME_UNKNOWN = Rule(
    "PROGRAMME_UNKNOWN", "推进方案尚未印发,不能进行此操作", "the programme has not been adopted yet"
)
PROGRAMME_ALREADY_ADOPTED = Rule(
    "PROGRAMME_ALREADY_ADOPTED",
    "推进方案《{title}》已经印发,内容变动请用修订,规则变动请发布规则集",
    "the programme {title} is adopted already; amend it, or publish a rule set, instead",
)
ISSUED_TOO_EARLY = Rule(
    "ISSUED_TOO_EARLY", "印发日期 {given} 过早,请核对年份", "{given} is too long ago; check the year"
)
PROGRAMME_IN_FORCE = Rule(
    "PROGRAMME_IN_FORCE",
    "推进方案《{title}》自 {since} 起已经施行,不能撤回;内容变动请用修订",
    "the programme {title} has been in force since {since} and cannot be withdrawn; amend it instead",
)
ID_USED_TWICE = Rule("ID_USED_TWICE", "编号 {id} 用了两次", "the id {id} is used twice")
GROUP_UNKNOWN = Rule(
    "MEASURE_GROUP_UNKNOWN",
    "举措 {measure} 所属的组 {group} 不存在",
    "measure {measure} belongs to no known group: {group}",
)
MEASURE_UNKNOWN = Rule(
    "MEASURE_UNKNOWN", "事项 {duty} 所依据的举措 {measure} 不存在", "duty {duty} rests on an unknown measure: {measure}"
)
PHASE_ENDS_BEFORE_START = Rule(
    "PHASE_ENDS_BEFORE_START",
    "阶段 {phase} 的结束日期 {ends_on} 早于开始日期 {starts_on}",
    "phase {phase} ends on {ends_on}, before it starts on {starts_on}",
)
BASIS_MISSING = Rule(
    "BASIS_MISSING", "{id} 标为推定,必须写明依据", "{id} is marked as inferred and must name its basis"
)
AMENDMENT_NUMBER_NOT_NEXT = Rule(
    "AMENDMENT_NUMBER_NOT_NEXT",
    "修订序号应为 {expected},收到 {given}",
    "the next amendment has number {expected}, not {given}",
)
AMENDMENT_TOO_EARLY = Rule(
    "AMENDMENT_TOO_EARLY",
    "生效日期 {given} 早于方案印发或上次修订的生效日期 {earliest}",
    "{given} is before {earliest}, when the programme or its last amendment took effect",
)
AMENDMENT_EMPTY = Rule("AMENDMENT_EMPTY", "修订没有任何内容", "the amendment changes nothing")
WITHDRAWN_UNKNOWN = Rule(
    "WITHDRAWN_UNKNOWN", "要撤销的 {id} 不在方案中", "{id} is to be withdrawn but is not part of the programme"
)
RULE_SET_VERSION_NOT_NEWER = Rule(
    "RULE_SET_VERSION_NOT_NEWER",
    "规则集 {id} 已有第 {latest} 版,新版本号必须更大(收到 {given})",
    "rule set {id} is at version {latest}; {given} is not newer",
)
RULE_SET_TOO_EARLY = Rule(
    "RULE_SET_TOO_EARLY",
    "规则集 {id} 的生效日期 {given} 早于现行版本的 {latest}",
    "rule set {id} takes effect on {given}, before the version of {latest}",
)


def require_issued_in_our_time(issued_on: date) -> None:
    """Refuse a year that must be a slip."""
    if issued_on < _EARLIEST_ISSUE:
        raise ISSUED_TOO_EARLY.broken("issued_on", given=issued_on.isoformat())


def require_distinct(ids: Iterable[str], field: str) -> None:
    """Refuse an id that stands for two things."""
    twice = next((each for each, times in Counter(ids).items() if times > 1), None)
    if twice is not None:
        raise ID_USED_TWICE.broken(field, id=twice)


def require_sound_text(text: ProgrammeText) -> None:
    """Everything that must hold between the parts of a programme, as adopted and after each amendment."""
    require_distinct(text.ids, "id")
    _require_faults_distinct(text.campaigns)
    groups = {group.id for group in text.groups}
    for measure in text.measures:
        if measure.group not in groups:
            raise GROUP_UNKNOWN.broken("measures", measure=measure.id, group=measure.group)
    for phase in text.phases:
        if phase.ends_on < phase.starts_on:
            raise PHASE_ENDS_BEFORE_START.broken(
                "phases", phase=phase.id, starts_on=phase.starts_on, ends_on=phase.ends_on
            )
    _require_sound_duties(text.duties, {measure.id for measure in text.measures})


def _require_faults_distinct(campaigns: Iterable[Campaign]) -> None:
    for campaign in campaigns:
        require_distinct((fault.id for fault in campaign.faults), "campaigns")


def _require_sound_duties(duties: Iterable[RecurringDuty], measures: set[str]) -> None:
    for duty in duties:
        if duty.inferred and duty.basis is None:
            raise BASIS_MISSING.broken("duties", id=duty.id)
        if duty.measure is not None and duty.measure not in measures:
            raise MEASURE_UNKNOWN.broken("duties", duty=duty.id, measure=duty.measure)


def require_sound_rule_set(rule_set: RuleSet, field: str) -> None:
    """Names are unique in a rule set, ids in each of its checklists, and it states what is decided by it."""
    names = [each.name for each in rule_set.parameters] + [each.id for each in rule_set.checklists]
    require_distinct(names, field)
    for checklist in rule_set.checklists:
        require_distinct((item.id for item in checklist.items), field)
    require_form(rule_set, field)


def require_newer(rule_set: RuleSet, published: Iterable[RuleSet], field: str) -> None:
    """A version comes after all versions before it, and takes effect no earlier than they did."""
    earlier = [each for each in published if each.id == rule_set.id]
    if not earlier:
        return
    latest = earlier[-1]
    if rule_set.version <= latest.version:
        raise RULE_SET_VERSION_NOT_NEWER.broken(
            f"{field}.version", id=rule_set.id, latest=latest.version, given=rule_set.version
        )
    if rule_set.effective_on < latest.effective_on:
        raise RULE_SET_TOO_EARLY.broken(
            f"{field}.effective_on", id=rule_set.id, latest=latest.effective_on, given=rule_set.effective_on
        )
