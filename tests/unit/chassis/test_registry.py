"""Type string ↔ Struct: old facts are lifted, foreign and broken ones are told apart."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import ClassVar

import pytest

from services.chassis.domain import Event
from services.chassis.registry import EventRegistry, Fields, MalformedEvent, UnknownEventType


class WorkMeasured(Event, frozen=True, kw_only=True):
    type: ClassVar[str] = "bizenv.work.measured.v3"
    area_mu: Decimal
    until: date
    note: str | None = None


def _named_by_its_unit(fields: Fields) -> Fields:
    return {**{name: value for name, value in fields.items() if name != "area"}, "area_mu": fields["area"]}


def _with_an_end(fields: Fields) -> Fields:
    return {**fields, "until": fields["occurred_on"]}


REGISTRY = EventRegistry(
    [WorkMeasured],
    {
        "bizenv.work.measured.v1": ("bizenv.work.measured.v2", _named_by_its_unit),
        "bizenv.work.measured.v2": ("bizenv.work.measured.v3", _with_an_end),
        "bizenv.work.lost.v1": ("bizenv.work.lost.v2", dict),
    },
)
MEASURED = WorkMeasured(occurred_on=date(2017, 3, 1), area_mu=Decimal("12.5"), until=date(2017, 3, 1))


def test_what_is_encoded_is_decoded() -> None:
    assert REGISTRY.encode(MEASURED) == b'{"occurred_on":"2017-03-01","area_mu":"12.5","until":"2017-03-01"}'
    assert REGISTRY.decode(WorkMeasured.type, REGISTRY.encode(MEASURED)) == MEASURED


def test_a_reader_passes_over_fields_it_does_not_know() -> None:
    data = b'{"occurred_on":"2017-03-01","area_mu":"12.5","until":"2017-03-01","colour":"red"}'
    assert REGISTRY.decode(WorkMeasured.type, data) == MEASURED


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, b'{"occurred_on":"2017-03-01","area":"12.5"}'),
        (2, b'{"occurred_on":"2017-03-01","area_mu":"12.5"}'),
    ],
)
def test_old_versions_are_lifted_step_by_step(version: int, data: bytes) -> None:
    assert REGISTRY.decode(f"bizenv.work.measured.v{version}", data) == MEASURED


@pytest.mark.parametrize("type_string", ["bizenv.work.sung.v1", "bizenv.work.lost.v1", ""])
def test_a_type_that_leads_to_no_struct_is_unknown(type_string: str) -> None:
    with pytest.raises(UnknownEventType):
        REGISTRY.decode(type_string, b"{}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'{"occurred_on":"2017-03-01","area_mu":',
        b'{"occurred_on":"2017-03-01","until":"2017-03-01"}',
        b'{"occurred_on":"2017-02-30","area_mu":"1","until":"2017-03-01"}',
        b'{"occurred_on":"2017-03-01","area_mu":"wide","until":"2017-03-01"}',
        b'{"occurred_on":"2017-03-01","area_mu":"1","until":"2017-03-01","note":"\xff"}',
        b'{"occurred_on":"2017-03-01","area_mu":"1","until":"2017-03-01","x":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
)
def test_bytes_that_do_not_keep_their_types_promise_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedEvent, match=r"bizenv\.work\.measured\.v3"):
        REGISTRY.decode(WorkMeasured.type, data)


@pytest.mark.parametrize("data", [b"7", b"{}", b'{"area":"1"}', b'{"occurred_on":7,"area":"1"}', b'{"area":"\xff"}'])
def test_an_old_fact_that_cannot_be_lifted_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedEvent):
        REGISTRY.decode("bizenv.work.measured.v1", data)


def test_a_type_string_belongs_to_one_struct() -> None:
    class Another(Event, frozen=True, kw_only=True):
        type: ClassVar[str] = WorkMeasured.type

    with pytest.raises(ValueError, match="registered twice"):
        EventRegistry([WorkMeasured, Another])
    assert REGISTRY.structs == {WorkMeasured.type: WorkMeasured}
