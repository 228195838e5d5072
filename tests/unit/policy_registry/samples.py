"""A small invented programme and a small register for the tests."""

from __future__ import annotations

from datetime import date
from typing import Any

from services.policy_registry.events import (
    Campaign,
    DutyForm,
    DutySubject,
    Every,
    FaultType,
    Measure,
    MeasureGroup,
    Origin,
    Parameter,
    Party,
    Phase,
    RecurringDuty,
    Rhythm,
    RuleSet,
    UnitJoined,
    UnitKind,
)
from services.policy_registry.programme import AdoptProgramme
from services.policy_registry.unit_registry import JoinUnit, RegistryFacts

TODAY = date(2017, 9, 29)
FACTS = RegistryFacts(today=TODAY)
TOMORROW = date(2017, 9, 30)
ISSUED = date(2017, 3, 1)


def campaign(id: str = "windows", *faults: str) -> Campaign:
    named = tuple(FaultType(id=fault, title=fault) for fault in faults or ("slow", "rude"))
    return Campaign(id=id, title=f"{id}专项整治", clause="二(一)", quote="对问题进行整治", faults=named)


def measure(id: str = "m01", *, group: str = "g1", title: str = "举措") -> Measure:
    return Measure(id=id, number=1, group=group, title=title, summary="概括", quote="原文")


def phase(id: str = "first", starts_on: date = ISSUED, ends_on: date = date(2017, 3, 10)) -> Phase:
    return Phase(id=id, title=f"{id}阶段", clause="四", starts_on=starts_on, ends_on=ends_on, summary="做事")


def duty(id: str = "report", **changes: Any) -> RecurringDuty:
    values: dict[str, Any] = {
        "id": id,
        "title": "季报",
        "clause": "五(四)",
        "quote": "每季度末月25日前",
        "form": DutyForm.REPORT,
        "subject": DutySubject.UNIT,
        "author": Party(words="各单位", kinds=(UnitKind.COUNTY,)),
        "addressee": Party(words="未明确"),
        "rhythm": Rhythm(every=Every.QUARTER, month=3, day=25),
    }
    return RecurringDuty(**(values | changes))


def rule_set(version: int = 1, effective_on: date = ISSUED, *, id: str = "lamps", value: str = "0.95") -> RuleSet:
    green = Parameter(name="green_from", value=value, unit="ratio", origin=Origin.OURS, source="本平台默认")
    return RuleSet(id=id, version=version, effective_on=effective_on, title="亮灯规则", parameters=(green,))


def adopt(**changes: Any) -> AdoptProgramme:
    values: dict[str, Any] = {
        "programme_id": "plan",
        "issued_on": ISSUED,
        "title": "推进方案",
        "city": "某市",
        "year": 2017,
        "goals": ("创优营商环境",),
        "campaigns": (campaign(),),
        "groups": (MeasureGroup(id="g1", title="第一组", clause="三(一)"),),
        "measures": (measure(),),
        "phases": (phase(),),
        "duties": (duty(),),
        "rule_sets": (rule_set(),),
    }
    return AdoptProgramme(**(values | changes))


def join(unit_id: str = "east", code: str = "130602", on: date = date(2014, 1, 1), **changes: Any) -> JoinUnit:
    values: dict[str, Any] = {"name": f"{unit_id}区", "kind": UnitKind.DISTRICT, "scored": True}
    return JoinUnit(registry_id="city", occurred_on=on, unit_id=unit_id, code=code, **(values | changes))


def joined(unit_id: str = "east", code: str = "130602", on: date = date(2014, 1, 1), **changes: Any) -> UnitJoined:
    values: dict[str, Any] = {"name": f"{unit_id}区", "kind": UnitKind.DISTRICT, "scored": True}
    return UnitJoined(occurred_on=on, unit_id=unit_id, code=code, **(values | changes))
