"""Runs the `buf` of the environment, as `make lint` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUF = Path(sys.executable).with_name("buf")


def buf(*arguments: str, cwd: Path) -> tuple[int, str]:
    """Its exit code and everything that it printed."""
    done = subprocess.run([str(BUF), *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr
