"""What the processes of a local city are told: settings in their environment, none of them secret."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.kafka.cluster import KafkaServer
from deploy.local.layout import Part, peers_of
from deploy.postgres.server import ROLE, PostgresServer
from deploy.processes import LOOPBACK

PREFIX = "BIZENV_"
OURS = ("DATA", "DATABASE", "KAFKA", "PEERS", "KEYS", "HTTP_HOST", "HTTP_PORT", "GRPC_", "METRICS_")
"""Settings that begin so are ours to give; all others of the caller's environment hold for every process."""


BIN = Path(sys.executable).parent
"""Where the command `bizenv` lies, beside the interpreter that runs this."""


def city_settings(data: Path, postgres: PostgresServer, kafka: KafkaServer) -> dict[str, str]:
    """What all processes and the command line share: the password is named by the file that holds it."""
    return {
        "BIZENV_DATA": str(data),
        "BIZENV_DATABASE": f"postgresql://{LOOPBACK}:{postgres.port}/{ROLE}",
        "BIZENV_DATABASE_USER": ROLE,
        "BIZENV_DATABASE_PASSWORD_FILE": str(postgres.folder / "password"),
        "BIZENV_KAFKA": kafka.servers,
        "BIZENV_KAFKA_REPLICATION": str(len(kafka.brokers)),
    }


def part_settings(shared: Mapping[str, str], part: Part, parts: Sequence[Part]) -> dict[str, str]:
    """What one process is told: its own ports, and where all services are."""
    return {
        **shared,
        "BIZENV_HTTP_PORT": str(part.ports.http),
        "BIZENV_GRPC_PORT": str(part.ports.grpc),
        "BIZENV_METRICS_PORT": str(part.ports.metrics),
        "BIZENV_PEERS": peers_of(parts),
    }


def callers(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The caller's environment without the settings that are ours."""
    return {name: value for name, value in environ.items() if not _is_ours(name)}


def write_file(settings: Mapping[str, str], file: Path) -> None:
    """Let a shell take the settings over, and find `bizenv`: `set -a; . FILE; set +a`."""
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in settings.items()]
    lines.append(f"PATH={shlex.quote(str(BIN))}:$PATH\n")
    file.write_text("".join(lines), encoding="utf-8")


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX) and name.removeprefix(PREFIX).startswith(OURS)
