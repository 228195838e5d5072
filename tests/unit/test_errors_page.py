"""docs/errors.md names every code that a refusal may bear, as the code does.

`python -m tests.unit.test_errors_page` writes its tables anew.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import services
from services.catalogue import SERVICES
from services.chassis.domain import Rule
from services.chassis.errors import Problem, RequestError, Violation, describe
from services.chassis.http_api.answers import NOT_ALLOWED
from tests.processes import ROOT

PAGE = ROOT / "docs" / "errors.md"
BEGIN = "<!-- from the code -->\n"
MEANINGS = {
    "MESSAGE_TOO_LARGE": "the request is larger than the door takes, or what it would record than an event may be",
    "NOT_FOUND": "nothing of this name is there, or this service is not served here",
    "INTERNAL": "a fault of bizenv, which its log has; repeat a command with the same id",
    "METHOD_NOT_ALLOWED": "the path does not take this HTTP method",
}
"""Of those whose class does not tell."""
PACKAGES = ("chassis", *(service.name for service in SERVICES))


def problems() -> dict[str, tuple[Problem, str]]:
    """What a door may answer beside broken rules: code, the answer, when."""
    kinds = sorted(RequestError.__subclasses__(), key=lambda kind: kind.code)
    found = {kind.code: (describe(_made(kind)), MEANINGS.get(kind.code) or _told(kind)) for kind in kinds}
    others = (describe(ValueError()), NOT_ALLOWED)
    return found | {each.code: (each, MEANINGS[each.code]) for each in others}


def _told(kind: type[RequestError]) -> str:
    return " ".join((kind.__doc__ or "").split()).removesuffix(".")


def _made(kind: type[RequestError]) -> RequestError:
    given = (Violation("", "", ""),) if kind.code == "INVALID_REQUEST" else ("", "")
    made: RequestError = kind(*given)
    return made


def rules() -> dict[str, dict[str, Rule]]:
    """Every rule of the domain, by the package that has it (what all share first) and the code."""
    found: dict[str, dict[str, Rule]] = {}
    for package in PACKAGES:
        known = {rule for others in found.values() for rule in others.values()}
        own = {rule.code: rule for rule in _rules_of(f"services.{package}") if rule not in known}
        found[package] = dict(sorted(own.items()))
    return found


def _rules_of(package: str) -> Iterator[Rule]:
    root = importlib.import_module(package)
    for found in pkgutil.walk_packages(root.__path__, f"{package}."):
        if not found.name.endswith("__main__") and ".migrations" not in found.name:
            module = importlib.import_module(found.name)
            yield from (value for value in vars(module).values() if isinstance(value, Rule))


def tables() -> str:
    """The page behind its first part."""
    lines = ["## Any call", "| code | HTTP | gRPC | when |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {each.http} | {each.grpc} | {when} |" for code, (each, when) in problems().items()]
    for package, found in rules().items():
        if found:
            lines += [
                "",
                f"## Rules of {package}: 422, FAILED_PRECONDITION",
                "| code | 含义 | meaning |",
                "|---|---|---|",
            ]
            lines += [f"| `{code}` | {each.message} | {each.english} |" for code, each in found.items()]
    return "\n".join(lines) + "\n"


def test_the_page_names_every_code() -> None:
    assert PAGE.read_text(encoding="utf-8").partition(BEGIN)[2] == tables(), "python -m tests.unit.test_errors_page"


def test_a_rule_bears_no_code_that_any_call_may_answer() -> None:
    assert not set(problems()) & {code for found in rules().values() for code in found}
    assert all(when for _, when in problems().values())


def test_every_module_of_the_services_is_looked_at() -> None:
    folders = {each.name for each in pkgutil.iter_modules(services.__path__)}
    assert folders - set(PACKAGES) <= {"catalogue", "cli", "rehearsal"}


if __name__ == "__main__":
    first = PAGE.read_text(encoding="utf-8").partition(BEGIN)[0]
    PAGE.write_text(first + BEGIN + tables(), encoding="utf-8")
