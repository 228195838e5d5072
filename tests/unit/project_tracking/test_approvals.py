"""审批."""

from __future__ import annotations

from msgspec.structs import replace

from services.project_tracking.events import ProjectApprovalReturned, approvals_on
from services.project_tracking.project import commands as c
from services.project_tracking.project.decider import PROJECT
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    FACTS,
    FILED,
    GRANTED,
    REASON,
    REGISTERED,
    SIGNED,
    STARTED,
    P,
    day,
    filed,
    granted,
    no_unit,
    on,
)

FILE = c.FileApproval(project_id=P, occurred_on=day(1, 10), approval_id="land")
RETURN = c.ReturnApproval(project_id=P, occurred_on=day(1, 20), approval_id="land", reason="缺少图件")
GRANT = c.GrantApproval(project_id=P, occurred_on=day(2, 9), approval_id="land")
RETURNED = ProjectApprovalReturned(occurred_on=day(1, 20), approval_id="land", round=1, reason="缺少图件")


def test_filed_returned_filed_anew_and_granted() -> None:
    given(PROJECT, REGISTERED).when(FILE, FACTS).then(FILED)
    given(PROJECT, REGISTERED, FILED).when(RETURN, FACTS).then(RETURNED)
    anew = replace(FILE, occurred_on=day(1, 25))
    given(PROJECT, REGISTERED, FILED, RETURNED).when(anew, FACTS).then(filed(on=day(1, 25), round=2))
    history = (REGISTERED, FILED, RETURNED, filed(on=day(1, 25), round=2))
    given(PROJECT, *history).when(GRANT, FACTS).then(granted(round=2))


def test_each_approval_with_the_time_it_took() -> None:
    record = PROJECT.fold([REGISTERED, FILED, RETURNED, filed(on=day(1, 25), round=2), granted(round=2)])
    assert record is not None
    (done,) = approvals_on(record, day(12, 31))
    assert (done.days, done.days_in_all, done.times_returned) == (15, 30, 1)
    (waiting,) = approvals_on(record, day(1, 22))
    assert (waiting.granted_on, waiting.days, waiting.days_in_all, waiting.times_returned) == (None, None, 12, 1)
    assert approvals_on(record, day(1, 9)) == ()


def test_quiet_when_told_again_as_it_is() -> None:
    given(PROJECT, REGISTERED, FILED).when(FILE, FACTS).nothing()
    given(PROJECT, REGISTERED, FILED, RETURNED).when(RETURN, FACTS).nothing()
    given(PROJECT, REGISTERED, FILED, GRANTED).when(GRANT, FACTS).nothing()


def test_told_again_otherwise_needs_a_reason() -> None:
    filing = replace(FILE, occurred_on=day(1, 11))
    given(PROJECT, REGISTERED, FILED).when(filing, FACTS).raises("ALREADY_RECORDED", field="correction_reason")
    given(PROJECT, REGISTERED, FILED).when(replace(filing, correction_reason=REASON), no_unit()).then(
        replace(FILED, occurred_on=day(1, 11), correction_reason=REASON)
    )
    granting = replace(GRANT, document_number="保国土〔2017〕1号")
    given(PROJECT, REGISTERED, FILED, GRANTED).when(granting, FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, REGISTERED, FILED, GRANTED).when(replace(granting, correction_reason=REASON), FACTS).then(
        replace(GRANTED, document_number="保国土〔2017〕1号", correction_reason=REASON)
    )
    returning = replace(RETURN, reason="缺少说明")
    given(PROJECT, REGISTERED, FILED, RETURNED).when(returning, FACTS).raises("ALREADY_RECORDED")
    given(PROJECT, REGISTERED, FILED, RETURNED).when(replace(returning, correction_reason=REASON), FACTS).then(
        replace(RETURNED, reason="缺少说明", correction_reason=REASON)
    )


def test_nothing_to_correct() -> None:
    for command in (FILE, RETURN, GRANT):
        given(PROJECT, REGISTERED).when(replace(command, correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")


def test_only_items_of_the_checklist_of_its_kind() -> None:
    given(PROJECT, REGISTERED).when(replace(FILE, approval_id="design"), FACTS).raises(
        "APPROVAL_NOT_ON_CHECKLIST", field="approval_id"
    )
    given(PROJECT, REGISTERED).when(FILE, replace(FACTS, rules=None)).raises("RULES_NOT_ADOPTED")


def test_only_a_pending_filing_is_returned_or_granted() -> None:
    for command in (RETURN, GRANT):
        given(PROJECT, REGISTERED).when(command, FACTS).raises("APPROVAL_NOT_PENDING", field="approval_id")
    given(PROJECT, REGISTERED, FILED, RETURNED).when(GRANT, FACTS).raises("APPROVAL_NOT_PENDING")
    given(PROJECT, REGISTERED, FILED, GRANTED).when(replace(RETURN, occurred_on=day(2, 10)), FACTS).raises(
        "APPROVAL_NOT_PENDING"
    )


def test_days_in_order_unit_valid_not_in_the_future() -> None:
    early = replace(GRANT, occurred_on=day(1, 9))
    given(PROJECT, REGISTERED, FILED).when(early, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    given(PROJECT, REGISTERED, FILED, RETURNED).when(replace(FILE, occurred_on=day(1, 19)), FACTS).raises(
        "DATES_OUT_OF_ORDER"
    )
    given(PROJECT, REGISTERED).when(FILE, no_unit()).raises("UNIT_NOT_VALID", field="unit_code")
    given(PROJECT, REGISTERED).when(FILE, on(day(1, 9))).raises("DATE_IN_FUTURE")
    given(PROJECT).when(FILE, FACTS).raises("PROJECT_NOT_REGISTERED")


def test_what_the_start_needed_is_not_corrected_to_after_it() -> None:
    history = (REGISTERED, FILED, GRANTED, SIGNED, STARTED)
    late = replace(GRANT, occurred_on=day(3, 2), correction_reason=REASON)
    given(PROJECT, *history).when(late, FACTS).raises("GRANTED_AFTER_START", field="occurred_on")
    energy = (*history, filed("energy"), granted("energy"))
    given(PROJECT, *energy).when(replace(late, approval_id="energy"), FACTS).then(
        replace(granted("energy", on=day(3, 2)), correction_reason=REASON)
    )
