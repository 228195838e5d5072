"""The import contracts name every service: one that nobody added would be bound by none of them."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

from services.catalogue import SERVICES
from services.chassis.service import Service

ROOT = Path(__file__).parents[2]
NAMES = [service.name for service in SERVICES]


def contract(name: str) -> dict[str, set[str]]:
    """The lists of a contract in `.importlinter`, by their keys."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    return {key: set(value.split()) for key, value in parser[f"importlinter:contract:{name}"].items()}


def modules(service: str) -> set[str]:
    """What lies in a service's folder, except what it publishes."""
    folder = ROOT / "services" / service
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {f"services.{service}.{name}" for name in names - {"__init__", "events"}}


def own_contract(service: str) -> dict[str, set[str]]:
    """The contract whose only source is this service."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter", encoding="utf-8")
    prefix = "importlinter:contract:"
    contracts = [contract(each.removeprefix(prefix)) for each in parser.sections() if each.startswith(prefix)]
    (own,) = [each for each in contracts if each["source_modules"] == {f"services.{service}"}]
    return own


def test_every_service_is_kept_apart_from_what_puts_services_together() -> None:
    assert contract("services-are-apart")["source_modules"] == {f"services.{name}" for name in NAMES}


def test_the_chassis_knows_none_of_the_services_nor_their_list() -> None:
    packages = {f"services.{path.parent.name}" for path in (ROOT / "services").glob("*/__init__.py")}
    forbidden = contract("chassis-knows-no-domain")["forbidden_modules"]
    assert forbidden == (packages | {"services.catalogue"}) - {"services.chassis"}


@pytest.mark.parametrize("service", NAMES)
def test_a_service_may_know_of_another_only_what_it_publishes(service: str) -> None:
    forbidden = own_contract(service)["forbidden_modules"]
    for other in set(NAMES) - {service}:
        assert f"services.{other}" in forbidden or modules(other) <= forbidden, other


@pytest.mark.parametrize("service", [service for service in SERVICES if service.aggregates], ids=lambda each: each.name)
def test_the_domain_of_every_service_is_held_to_be_pure(service: Service) -> None:
    """Its events and its aggregates' rooms."""
    pure = contract("domain-is-pure")["source_modules"]
    name = service.name
    assert f"services.{name}.events" in pure
    assert {module for module in pure if module.startswith(f"services.{name}.")} - {f"services.{name}.events"}
