"""The register of all metrics: name, kind, labels and meaning, each once.

Names follow Prometheus (`<namespace>_<what>_<base unit>[_total]`); gRPC's are those of go-grpc-prometheus, so that
public dashboards fit. Labels are bounded (`LABELS`): never an id, a stream or a path that a caller chose.
Ages are given as timestamps: `time() - …_timestamp_seconds` goes on growing when whatever sets it hangs.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from wsgiref.simple_server import WSGIServer

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.metrics import MetricWrapperBase

disable_created_metrics()  # type: ignore[no-untyped-call]  # they double the series and say nothing that is asked

LABELS: dict[str, str] = {
    "service": "name of one of the platform's services",
    "command": "name of a command type",
    "outcome": "recorded, unchanged, repeated, or the code of a refusal",
    "group": "name of a consumer: a view or the reactions of a service",
    "grpc_service": "name of a served gRPC service; 'unknown' for any other",
    "grpc_method": "name of a served method; 'unknown' for any other",
    "grpc_code": "name of a gRPC status code",
    "route": "template of a served HTTP path; 'unknown' for any other",
    "method": "HTTP method; 'other' for an unusual one",
    "code": "HTTP status code",
    "version": "version of this build",
    "python": "version of Python",
}
"""Every label there is, and what bounds its values."""

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

M = TypeVar("M", bound=MetricWrapperBase)


class Declared(Generic[M]):
    """One entry of the register. On an instance of `Metrics` it reads as the metric itself."""

    def __init__(
        self, kind: type[M], name: str, meaning: str, *labels: str, buckets: tuple[float, ...] | None = None
    ) -> None:
        self.kind = kind
        self.name = name
        self.meaning = meaning
        self.labels = labels
        self._options: dict[str, Any] = {} if buckets is None else {"buckets": buckets}

    def __set_name__(self, owner: type[Metrics], name: str) -> None:
        self.attribute = name

    def __get__(self, instance: Metrics, owner: type[Metrics]) -> M:
        made: M = instance.__dict__[self.attribute]
        return made

    def make(self, registry: CollectorRegistry) -> M:
        return self.kind(self.name, self.meaning, self.labels, registry=registry, **self._options)


class Metrics:
    """All metrics of one process, on a registry of its own."""

    grpc_started = Declared(
        Counter, "grpc_server_started_total", "RPCs started on the server.", "grpc_service", "grpc_method"
    )
    grpc_handled = Declared(
        Counter,
        "grpc_server_handled_total",
        "RPCs completed on the server, whatever came of them.",
        *("grpc_service", "grpc_method", "grpc_code"),
    )
    grpc_seconds = Declared(
        Histogram,
        "grpc_server_handling_seconds",
        "Time from the start of an RPC to its answer.",
        *("grpc_service", "grpc_method"),
        buckets=SECONDS,
    )
    http_requests = Declared(
        Counter, "bizenv_http_requests_total", "HTTP requests answered.", "route", "method", "code"
    )
    http_seconds = Declared(
        Histogram,
        "bizenv_http_request_seconds",
        "Time from an HTTP request to the end of its answer.",
        *("route", "method"),
        buckets=SECONDS,
    )

    commands = Declared(
        Counter, "bizenv_commands_total", "Commands handled, by what came of them.", "service", "command", "outcome"
    )
    commands_in_hand = Declared(
        Gauge,
        "bizenv_commands_in_hand",
        "Commands taken and not answered yet, those that wait for others of their stream among them.",
        *("service", "command"),
    )
    command_seconds = Declared(
        Histogram,
        "bizenv_command_seconds",
        "Time from taking a command to its durable answer.",
        *("service", "command"),
        buckets=SECONDS,
    )

    event_store_batch_size = Declared(
        Histogram, "bizenv_event_store_batch_events", "Events in one group commit.", "service", buckets=SIZES
    )
    event_store_commit_seconds = Declared(
        Histogram,
        "bizenv_event_store_commit_seconds",
        "Time of one group commit, its fsync included.",
        "service",
        buckets=SECONDS,
    )
    event_store_queue_depth = Declared(
        Gauge, "bizenv_event_store_queued_commands", "Commands that wait for the store's writer.", "service"
    )
    event_store_appended = Declared(Counter, "bizenv_event_store_appended_total", "Events recorded.", "service")
    store_epoch = Declared(Gauge, "bizenv_store_epoch", "Epoch of the event store; raised after a restore.", "service")

    consumer_lag_records = Declared(
        Gauge, "bizenv_consumer_lag_records", "Records on the bus that a consumer has not applied yet.", "group"
    )
    consumer_unheld = Declared(
        Gauge,
        "bizenv_consumer_unheld_partitions",
        "Partitions that no member of the consumer's group reads; their records count as lag.",
        "group",
    )
    consumer_lag_seconds = Declared(
        Gauge, "bizenv_consumer_lag_seconds", "Age of the oldest record not applied yet; 0 when there is none.", "group"
    )
    consumer_batch_size = Declared(
        Histogram, "bizenv_consumer_batch_records", "Records in one batch of a consumer.", "group", buckets=SIZES
    )
    consumer_applied = Declared(Counter, "bizenv_consumer_applied_total", "Records applied.", "group")
    consumer_duplicates = Declared(
        Counter, "bizenv_consumer_duplicates_total", "Records dropped because they were applied before.", "group"
    )
    consumer_holes = Declared(
        Counter,
        "bizenv_consumer_holes_total",
        "Holes seen, each answered by reading again from the checkpoint.",
        "group",
    )
    consumer_missing = Declared(
        Gauge,
        "bizenv_consumer_missing_sources",
        "Partitions behind a fact that reading them again from the beginning did not bring.",
        "group",
    )
    consumer_parked_streams = Declared(
        Gauge, "bizenv_consumer_parked_streams", "Streams parked behind an event that fails.", "group"
    )
    bus_foreign = Declared(
        Counter,
        "bizenv_bus_foreign_records_total",
        "Records on a service's topic that are no events of ours, skipped.",
        "service",
    )
    relayed = Declared(
        Counter, "bizenv_relay_sent_total", "Events brought from the store to its topic and acknowledged.", "service"
    )
    relay_lag = Declared(
        Gauge, "bizenv_relay_lag_records", "Events in the store that the relay has not brought to the topic.", "service"
    )
    relay_unacknowledged = Declared(
        Gauge, "bizenv_relay_unacknowledged_records", "Events sent whose acknowledgement is awaited.", "service"
    )
    relay_restarts = Declared(
        Counter,
        "bizenv_relay_restarts_total",
        "Times that the relay began again at its checkpoint after a failed or uncertain send.",
        "service",
    )
    relay_leader = Declared(
        Gauge, "bizenv_relay_leader", "1 in the process whose relay holds the service's lease, else 0.", "service"
    )
    rebuild_progress = Declared(
        Gauge, "bizenv_rebuild_progress_ratio", "Share of the records that a running rebuild has applied.", "group"
    )

    merkle_leaves = Declared(Gauge, "bizenv_merkle_tree_leaves", "Events covered by the signed tree head.", "service")
    merkle_head_time = Declared(
        Gauge, "bizenv_merkle_head_timestamp_seconds", "When the tree head was last signed (Unix time).", "service"
    )

    rehearsal = Declared(Gauge, "bizenv_rehearsal", "1 when the store is a rehearsal with invented facts, else 0.")
    build = Declared(Gauge, "bizenv_build_info", "Always 1; its labels tell the build.", "version", "python")

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        for declared in self.catalogue():
            self.__dict__[declared.attribute] = declared.make(self.registry)
        ProcessCollector(registry=self.registry)

    @classmethod
    def catalogue(cls) -> list[Declared[Any]]:
        """The register itself, in the order of declaration."""
        return [entry for entry in vars(cls).values() if isinstance(entry, Declared)]


METRICS = Metrics()
"""The process's own; everything that runs in it counts here."""


@dataclass(frozen=True)
class MetricsServer:
    """Serves `/metrics` on a thread of its own until closed."""

    _server: WSGIServer
    _thread: threading.Thread

    @property
    def port(self) -> int:
        """The port it listens on, also when any free one was asked for."""
        return self._server.server_port

    def close(self) -> None:
        """Stop answering and free the port; returns when both are done."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(host: str, port: int, metrics: Metrics = METRICS) -> MetricsServer:
    """Listen at once; OSError when the port is taken or the address is not ours. Port 0 takes any free one."""
    server, thread = start_http_server(port, host, metrics.registry)
    return MetricsServer(server, thread)
