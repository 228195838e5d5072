"""Every error has its answer at the doors."""

from __future__ import annotations

import importlib
import pkgutil

import grpc
import pytest

import services
from services.chassis.domain import DomainError
from services.chassis.errors import InvalidRequest, Overloaded, RequestError, Unavailable, Violation, describe

VIOLATION = Violation("plan[2].by", "日期不对", "the date is wrong")


def kinds(parent: type[RequestError] = RequestError) -> list[type[RequestError]]:
    """All kinds of request errors that any module declares."""
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if not module.name.endswith(("__main__", ".env")) and ".versions." not in module.name:
            importlib.import_module(module.name)
    found = []
    for kind in parent.__subclasses__():
        found += [kind, *kinds(kind)]
    return found


@pytest.mark.parametrize("kind", kinds())
def test_every_request_error_has_a_status_and_a_code_of_its_own(kind: type[RequestError]) -> None:
    error = kind(VIOLATION) if issubclass(kind, InvalidRequest) else kind("不行", "no")
    problem = describe(error)
    assert problem.grpc in grpc.StatusCode.__members__
    assert 400 <= problem.http < 600
    assert problem.code == kind.code != RequestError.code
    assert problem.message
    assert problem.english


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in kinds()]
    assert len(set(codes)) == len(codes)


def test_a_broken_rule_is_a_failed_precondition_with_its_field() -> None:
    problem = describe(DomainError("NOT_OPEN", "counter", "未设立", "not open"))
    assert (problem.grpc, problem.http, problem.code) == ("FAILED_PRECONDITION", 422, "NOT_OPEN")
    assert problem.violations == (Violation("counter", "未设立", "not open"),)


def test_violations_go_with_the_answer() -> None:
    assert describe(InvalidRequest(VIOLATION)).violations == (VIOLATION,)


def test_what_passes_by_itself_says_when_to_come_again() -> None:
    assert describe(Overloaded("忙", "busy")).retry_after_seconds
    assert describe(Unavailable("满", "full")).retry_after_seconds
    assert describe(InvalidRequest()).retry_after_seconds is None


def test_what_is_not_ours_tells_nothing() -> None:
    problem = describe(RuntimeError("password 1234"))
    assert (problem.grpc, problem.http, problem.code) == ("INTERNAL", 500, "INTERNAL")
    assert "1234" not in problem.message + problem.english
