"""The register of metrics keeps Prometheus' rules, and is served."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram, generate_latest

import services
from services.chassis.telemetry.metrics import LABELS, METRICS, Declared, Metrics, serve

CATALOGUE = Metrics.catalogue()
EACH = pytest.mark.parametrize("declared", CATALOGUE, ids=lambda declared: str(declared.name))
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in Path(services.__path__[0]).rglob("*.py"))
UNIT_OF_SAMPLES = {"seconds", "bytes", "ratio", "events", "records"}
ABBREVIATED = re.compile(r"_(ms|millis|milliseconds|sec|secs|us|ns|minutes|hours|kb|mb|percent|pct)(_|$)")


@EACH
def test_names_are_snake_case_of_our_namespaces(declared: Declared[Any]) -> None:
    assert re.fullmatch(r"(bizenv|grpc_server)(_[a-z][a-z0-9]*)+", declared.name)
    assert not re.search(r"_(counter|gauge|histogram|summary|count|sum|bucket|created)(_|$)", declared.name)


@EACH
def test_units_are_base_units_written_out(declared: Declared[Any]) -> None:
    assert not ABBREVIATED.search(declared.name)
    if declared.kind is Histogram:
        assert declared.name.rsplit("_", 1)[1] in UNIT_OF_SAMPLES


@EACH
def test_counters_and_only_counters_end_in_total(declared: Declared[Any]) -> None:
    assert declared.name.endswith("_total") is (declared.kind is Counter)


@EACH
def test_meanings_are_sentences_and_labels_are_bounded(declared: Declared[Any]) -> None:
    assert re.fullmatch(r"[A-Z0-9].+\.", declared.meaning)
    assert set(declared.labels) <= set(LABELS)
    assert len(declared.labels) <= 3


def test_the_register_has_each_name_once_and_no_idle_label() -> None:
    names = [declared.name for declared in CATALOGUE]
    assert len(names) == len(set(names))
    assert {label for declared in CATALOGUE for label in declared.labels} == set(LABELS)
    assert not [label for label in LABELS if label.endswith("id") or label in {"stream", "unit", "account", "path"}]


@EACH
def test_every_entry_is_set_by_some_code(declared: Declared[Any]) -> None:
    assert f"METRICS.{declared.attribute}." in SOURCES


def test_an_entry_reads_as_its_metric() -> None:
    metrics = Metrics()
    metrics.commands.labels("bakery", "Bake", "recorded").inc()
    metrics.command_seconds.labels("bakery", "Bake").observe(0.003)
    metrics.rehearsal.set(1)
    assert isinstance(metrics.rehearsal, Gauge)
    text = generate_latest(metrics.registry).decode()
    assert 'bizenv_commands_total{command="Bake",outcome="recorded",service="bakery"} 1.0' in text
    assert 'bizenv_command_seconds_bucket{command="Bake",le="0.005",service="bakery"} 1.0' in text
    assert "bizenv_rehearsal 1.0" in text
    assert "_created" not in text
    assert "process_resident_memory_bytes" in text


def test_two_registers_do_not_share_numbers() -> None:
    one, other = Metrics(), Metrics()
    one.rehearsal.set(1)
    assert "bizenv_rehearsal 0.0" in generate_latest(other.registry).decode()
    assert METRICS.registry is not one.registry


def test_metrics_are_served_until_closed() -> None:
    metrics = Metrics()
    metrics.build.labels("1.2.3", "3.11").set(1)
    server = serve("127.0.0.1", 0, metrics)
    url = f"http://127.0.0.1:{server.port}/metrics"
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert 'bizenv_build_info{python="3.11",version="1.2.3"} 1.0' in answer.read().decode()
    finally:
        server.close()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=10)


def test_a_taken_port_is_an_os_error_and_a_freed_one_is_free() -> None:
    first = serve("127.0.0.1", 0, Metrics())
    with pytest.raises(OSError, match="in use"):
        serve("127.0.0.1", first.port, Metrics())
    first.close()
    serve("127.0.0.1", first.port, Metrics()).close()
