"""Struct → protobuf → Struct gives the same; what a message says beyond its contract is refused with its path."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue import SERVICES
from services.chassis.contracts.convert import Codec
from services.chassis.contracts.descriptors import build_contracts
from services.chassis.contracts.samples import sample
from services.chassis.errors import InvalidRequest
from tests.contract.sample import SERVICE, Kind, ListWorks, Quarter, RegisterWork, WorkPage, WorkRow

CONTRACTS = build_contracts([SERVICE])
PACKAGE = "bizenv.sample_works.v1"
REQUEST: Any = CONTRACTS.message(f"{PACKAGE}.RegisterWorkRequest")
REGISTER = Codec(RegisterWork, REQUEST)
LIST = Codec(ListWorks, CONTRACTS.message(f"{PACKAGE}.ListWorksRequest"))
PAGE = Codec(WorkPage, CONTRACTS.message(f"{PACKAGE}.ListWorksResponse"))

SEEN = st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"])
TEXTS = st.text(SEEN, max_size=19).map(lambda rest: "路" + rest)
DAYS = st.dates()
YUAN = st.integers(0, 10**15)
SHARES = st.decimals(-(10**9), 10**9, places=3)
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
QUARTERS = st.builds(Quarter, by=DAYS, amount_yuan=YUAN, share=st.none() | SHARES, note=st.none() | TEXTS)
WORKS = st.builds(
    RegisterWork,
    work_id=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"),
    name=TEXTS,
    kind=st.sampled_from(Kind),
    unit=st.just("130600"),
    investment_yuan=YUAN,
    area_mu=st.none() | SHARES,
    urgent=st.booleans(),
    seen_at=st.none() | INSTANTS,
    digest=st.none() | st.binary(max_size=40),
    plan=st.lists(QUARTERS, max_size=3).map(tuple),
    tags=st.lists(TEXTS, max_size=3).map(tuple),
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    occurred_on=DAYS,
)
LEAST = {
    "work_id": "w-1",
    "name": "高铁新区道路",
    "kind": 1,
    "unit": "130600",
    "investment_yuan": 1,
    "occurred_on": "2017-03-01",
}


@given(WORKS)
def test_a_struct_comes_back_equal(work: RegisterWork) -> None:
    assert REGISTER.decode(REGISTER.encode(work)) == work


REAL = build_contracts(SERVICES)
MESSAGES = [
    (f"{service.package}.{rpc.name}{end}", struct)
    for service in REAL.services
    for rpc in service.rpcs
    for end, struct in (("Request", rpc.request), ("Response", rpc.response))
]


@pytest.mark.parametrize(("name", "struct"), MESSAGES, ids=[name for name, _ in MESSAGES])
def test_every_real_request_and_response_comes_back_equal(name: str, struct: type[msgspec.Struct]) -> None:
    codec, value = Codec(struct, REAL.message(name)), sample(struct)
    assert codec.decode(codec.encode(value)) == value


def test_an_answer_with_nested_rows_and_a_map_comes_back_equal() -> None:
    row = WorkRow(work_id="w-1", name="道路", kind=Kind.WATER_WORKS)
    page = WorkPage(works=(row, row), total=2, totals={"road": 0})
    assert PAGE.decode(PAGE.encode(page)) == page


def test_an_absent_list_that_is_required_is_empty() -> None:
    assert PAGE.decode(PAGE.encode(WorkPage(works=(), total=0))) == WorkPage(works=(), total=0)


def test_absent_is_not_zero() -> None:
    read = LIST.decode(b"")
    assert (read.urgent, read.limit) == (None, 100)
    assert LIST.decode(LIST.encode(ListWorks(urgent=False))).urgent is False


def test_a_timestamp_is_an_instant_in_utc() -> None:
    message = REQUEST(**LEAST)
    message.seen_at.FromJsonString("2017-03-01T08:00:00.5+08:00")
    read = REGISTER.decode(message.SerializeToString())
    assert read.seen_at == datetime(2017, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert read.occurred_on == date(2017, 3, 1)


def test_a_decimal_is_written_in_plain_notation() -> None:
    work = msgspec.structs.replace(REGISTER.decode(REQUEST(**LEAST).SerializeToString()), area_mu=Decimal("1E-6"))
    assert REQUEST.FromString(REGISTER.encode(work)).area_mu == "0.000001"


def _without(name: str) -> bytes:
    data: bytes = REQUEST(**{key: value for key, value in LEAST.items() if key != name}).SerializeToString()
    return data


def _with(**values: Any) -> bytes:
    data: bytes = REQUEST(**{**LEAST, **values}).SerializeToString()
    return data


UNKNOWN = b"\xa2\x1f\x01x"
"""Field 500 with the text x."""

WRONG = [
    (_without("work_id"), "work_id", "缺少必填字段"),
    (_without("investment_yuan"), "investment_yuan", "缺少必填字段"),
    (_with(occurred_on="2017-02-30"), "occurred_on", "应为日期(年-月-日)"),
    (
        _with(work_id="a b"),
        "work_id",
        "只能用字母、数字、点、横线、下划线,以字母或数字开头,最长 64 个字符",
    ),
    (_with(name="路" * 121), "name", "不能超过 120 个字符"),
    (_with(investment_yuan=-1), "investment_yuan", "不能小于 0"),
    (_with(kind=9), "kind", "没有编号为 9 的选项"),
    (_with(kind=0), "kind", "没有编号为 0 的选项"),
    (_with(area_mu="NaN"), "area_mu", "应为普通小数,整数部分不超过 15 位,小数不超过 6 位"),
    (_with(plan=[{"by": "2017-03-31", "amount_yuan": 1}, {"by": "2017-06-30"}]), "plan[1].amount_yuan", "缺少必填字段"),
    (_with(seen_at={"seconds": 2**60}), "seen_at", "时间超出范围"),
    (_with() + UNKNOWN, "500", "未知字段(编号 500)或类型不符"),
    (_with() + b"\x10\x01", "2", "未知字段(编号 2)或类型不符"),
    (_with() + b"\x52\x04" + UNKNOWN, "plan[0].500", "未知字段(编号 500)或类型不符"),
    (_with() + b"\x42\x04" + UNKNOWN, "seen_at.500", "未知字段(编号 500)或类型不符"),
    (b"\xff", "body", "不是有效的 protobuf 消息"),
    (b"\x0a\x01\xff", "body", "不是有效的 protobuf 消息"),
]


@pytest.mark.parametrize(("data", "field", "message"), WRONG)
def test_refuses_with_the_path_and_the_rule(data: bytes, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        REGISTER.decode(data)
    (violation,) = refused.value.violations
    assert (violation.field, violation.message) == (field, message)
    assert violation.english
