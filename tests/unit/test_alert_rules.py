"""The alert rules and the table of what to watch name metrics and labels that there are; `make rules` tries the rules
themselves by promtool."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from prometheus_client import Histogram

from deploy.local.layout import FIRST, lay_out, names_of
from services.catalogue import SERVICES
from services.chassis.errors import RequestError
from services.chassis.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"][0]["rules"]
CONFIG: dict[str, Any] = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))
MANUAL = (ROOT / "docs" / "operations.md").read_text("utf-8")
WATCH = MANUAL[MANUAL.index("## What to watch") :].partition("\n## ")[0]
BY_NAME = {declared.name: declared for declared in Metrics.catalogue()}
EACH = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))


def metrics_in(text: str) -> set[str]:
    return set(re.findall(r"\b(?:bizenv|grpc_server)_[a-z_]+[a-z]", text))


def declared_as(name: str) -> str:
    """Histograms are asked for by their parts."""
    whole = re.sub(r"_(bucket|count|sum)$", "", name)
    return whole if whole in BY_NAME and BY_NAME[whole].kind is Histogram else name


@EACH
def test_a_rule_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    expression = rule["expr"]
    names = {declared_as(name) for name in metrics_in(expression)}
    assert names <= set(BY_NAME)
    known = {label for name in names for label in BY_NAME[name].labels} | {"le", "instance", "job"}
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", expression)
    asked = {label.strip() for labels in grouped for label in labels.split(",")}
    asked |= set(re.findall(r"(\w+)=~?\"", expression))
    assert asked | set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= known


@EACH
def test_a_rule_is_told_in_both_languages_and_in_the_manual(rule: dict[str, Any]) -> None:
    chinese, english = rule["annotations"]["summary"].split(" · ")
    assert re.search("[一-鿿]", chinese)
    assert not re.search("[一-鿿]", english)
    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert f"| `{rule['alert']}` |" in WATCH


def test_the_manual_names_no_other_alert_and_no_other_metric() -> None:
    assert re.findall(r"^\| `(Bizenv\w+)` \|", WATCH, re.MULTILINE) == [rule["alert"] for rule in RULES]
    assert {declared_as(name) for name in metrics_in(MANUAL)} <= set(BY_NAME)


def test_outcomes_are_codes_that_there_are() -> None:
    codes = {kind.code for kind in RequestError.__subclasses__()} | {"INTERNAL"}
    [asked] = [found[1] for rule in RULES if (found := re.search(r"outcome=~\"([^\"]+)\"", rule["expr"]))]
    assert set(asked.split("|")) <= codes


def test_the_example_scrapes_the_city_of_up_local() -> None:
    [job] = CONFIG["scrape_configs"]
    parts = lay_out(names_of([service.name for service in SERVICES], {}))
    assert parts[0].ports == FIRST
    assert job["static_configs"][0]["targets"] == [f"127.0.0.1:{part.ports.metrics}" for part in parts]
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in RULES if rule["alert"] == "BizenvDown")
