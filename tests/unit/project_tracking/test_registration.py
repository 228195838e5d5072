"""登记."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from services.project_tracking.events import ProjectKind, ProjectSigned, ProjectTerminated
from services.project_tracking.project.decider import PROJECT
from services.project_tracking.project.uscc import check_character
from tests.unit.given import given
from tests.unit.project_tracking.world import (
    FACTS,
    GOVERNMENT,
    REASON,
    REGISTERED,
    STARTED,
    UNDER_WAY,
    UNIT,
    day,
    no_unit,
    on,
    register,
    registered,
    reported,
)


def test_a_project_is_registered_with_the_unit_as_it_was_valid() -> None:
    record = given(PROJECT).when(register(), FACTS).then(REGISTERED)
    assert record is not None
    assert (record.unit_id, record.unit_registry_version) == ("rongcheng", 3)


def test_the_same_registration_again_is_quiet_even_after_the_registry_went_on() -> None:
    later = msgspec.structs.replace(FACTS, unit=msgspec.structs.replace(UNIT, registry_version=9))
    given(PROJECT, REGISTERED).when(register(), later).nothing()


def test_another_registration_needs_a_correction_reason() -> None:
    given(PROJECT, REGISTERED).when(register(name="别名"), FACTS).raises("ALREADY_RECORDED", field="correction_reason")
    given(PROJECT, REGISTERED).when(register(name="别名", correction_reason=REASON), no_unit()).then(
        registered(name="别名", correction_reason=REASON)
    )


def test_nothing_to_correct_before_the_registration() -> None:
    given(PROJECT).when(register(correction_reason=REASON), FACTS).raises("NOTHING_TO_CORRECT")


def test_the_unit_must_be_valid_on_that_day_also_for_a_corrected_unit() -> None:
    given(PROJECT).when(register(), no_unit()).raises("UNIT_NOT_VALID", field="unit_code")
    moved = register(unit_code="130699", correction_reason=REASON)
    given(PROJECT, REGISTERED).when(moved, no_unit()).raises("UNIT_NOT_VALID", field="unit_code")


def test_not_in_the_future_and_not_in_another_age() -> None:
    given(PROJECT).when(register(), on(day(1, 4))).raises("DATE_IN_FUTURE", field="occurred_on")
    given(PROJECT).when(register(occurred_on=day(1, 5, 17)), FACTS).raises("DATE_TOO_EARLY", field="occurred_on")


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"planned_start": day(5, 1), "planned_completion": day(4, 1)}, "PLANNED_DATES_CROSSED", "planned_completion"),
        ({"planned_start": day(1, 1, 2028)}, "PLANNED_TOO_FAR", "planned_start"),
        ({"planned_completion": day(1, 1, 2028)}, "PLANNED_TOO_FAR", "planned_completion"),
        ({"planned_start": day(12, 31, 1977)}, "DATE_TOO_EARLY", "planned_start"),
        ({"planned_completion": day(1, 1, 17)}, "DATE_TOO_EARLY", "planned_completion"),
        ({"area_mu": Decimal("0")}, "AREA_NOT_VALID", "area_mu"),
        ({"area_mu": Decimal("NaN")}, "AREA_NOT_VALID", "area_mu"),
        ({"area_mu": Decimal("sNaN")}, "AREA_NOT_VALID", "area_mu"),
        ({"area_mu": Decimal("1.00001")}, "AREA_NOT_VALID", "area_mu"),
        ({"area_mu": Decimal("0.1" + "0" * 40 + "1")}, "AREA_NOT_VALID", "area_mu"),
        ({"area_mu": Decimal("1E+99999")}, "AREA_NOT_VALID", "area_mu"),
        ({"owner_uscc": "91350211M0000XUF46"}, "USCC_CHECK_FAILED", "owner_uscc"),
    ],
)
def test_content_that_cannot_be(changes: dict[str, Any], code: str, field: str) -> None:
    given(PROJECT).when(register(**changes), FACTS).raises(code, field=field)


@pytest.mark.parametrize(
    "changes",
    [
        {"area_mu": Decimal("5221.50000")},
        {"owner_uscc": "91350211M0000XUF46", "owner_uscc_doubtful": True},
        {"owner_uscc": "91110000600037341L"},
        {"total_investment_yuan": 0},
        {"planned_start": day(1, 1, 1978)},
        {"planned_start": day(5, 1), "planned_completion": day(5, 1)},
    ],
)
def test_content_that_can_be(changes: dict[str, Any]) -> None:
    given(PROJECT).when(register(**changes), FACTS).then(registered(**changes))


@pytest.mark.parametrize(
    "code", ["91110000600037341L", "91110000101623741K", "911101066976941872", "91110108551385082Q"]
)
def test_check_characters_of_real_codes(code: str) -> None:
    assert check_character(code) == code[-1]


def test_a_doubtful_code_has_another_check_character() -> None:
    assert check_character("91350211M0000XUF46") == "R"


def test_a_corrected_registration_stays_before_the_projects_end_and_its_first_reported_month() -> None:
    later = register(occurred_on=day(4, 2), correction_reason=REASON)
    given(PROJECT, *UNDER_WAY).when(later, FACTS).then(registered(occurred_on=day(4, 2), correction_reason=REASON))
    ended = ProjectTerminated(occurred_on=day(4, 1), reason="投资方退出")
    given(PROJECT, *UNDER_WAY, ended).when(later, FACTS).raises("DATES_OUT_OF_ORDER", field="occurred_on")
    given(PROJECT, *UNDER_WAY, reported("2017-03", 1, 1)).when(later, FACTS).raises(
        "MONTH_BEFORE_REGISTRATION", field="occurred_on"
    )


def test_a_signed_project_is_not_corrected_into_a_government_project() -> None:
    given(PROJECT, REGISTERED, ProjectSigned(occurred_on=day(2, 1))).when(
        register(kind=ProjectKind.GOVERNMENT, correction_reason=REASON), FACTS
    ).raises("GOVERNMENT_SIGNS_NOTHING", field="kind")


def test_a_started_government_project_is_not_corrected_into_an_unsigned_investment() -> None:
    given(PROJECT, GOVERNMENT, STARTED).when(
        register(kind=ProjectKind.INVESTMENT, owner="市教育局", correction_reason=REASON), FACTS
    ).raises("PROJECT_NOT_SIGNED", field="kind")


def test_what_was_invested_before_is_held_against_the_total() -> None:
    slip = register(invested_before_yuan=120_000_001)
    given(PROJECT).when(slip, FACTS).raises("INVESTED_ABOVE_TOTAL", field="invested_before_yuan")
    assert given(PROJECT).when(register(invested_before_yuan=120_000_000), FACTS).error is None
    less = register(total_investment_yuan=3_000_000, correction_reason=REASON)
    history = (*UNDER_WAY, reported("2017-03", 10, 4_000_000))
    given(PROJECT, *history).when(less, FACTS).raises("INVESTED_ABOVE_TOTAL", field="total_investment_yuan")
    renamed = register(name="别名", correction_reason=REASON)
    beyond = (*UNDER_WAY, reported("2017-03", 10, 400_000_000))
    assert given(PROJECT, *beyond).when(renamed, FACTS).error is None
