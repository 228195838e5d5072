"""On what a run was made: figures mean nothing without it."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from deploy.postgres.programs import program
from deploy.processes import ServerError

_PACKAGES = ("eventsourcing", "grpcio", "msgspec", "SQLAlchemy", "uvloop", "psycopg", "kafka-python", "crc32c")


def machine() -> dict[str, str]:
    load = ", ".join(f"{each:.2f}" for each in os.getloadavg())
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": _postgresql(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "load at the start": load,
    }


def _postgresql() -> str:
    """The version of the programs that a run would start; without them the legs on servers fail."""
    try:
        command = [program("postgres"), "--version"]
    except ServerError:
        return "none"
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[2]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()
