"""PostgreSQL's programs on this machine, and whom they run as: they refuse root."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

from deploy.processes import ServerError, as_user

PACKAGED = Path("/usr/lib/postgresql")


def program(name: str) -> str:
    """The path of a program of PostgreSQL, the newest installed. ServerError when there is none."""
    packaged = sorted(PACKAGED.glob(f"*/bin/{name}"), key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise ServerError(
            "PostgreSQL 的程序不在本机,请运行 make servers · "
            f"PostgreSQL's program {name} is not on this machine; install Debian's package postgresql: make servers"
        )
    return found


def server_user() -> str | None:
    """Whom the server runs as when we are root; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise ServerError(
            "PostgreSQL 不能以 root 运行,本机没有用户 postgres,请运行 make servers · "
            "PostgreSQL does not run as root, and there is no user postgres; install Debian's package: make servers"
        ) from None


def run_as(user: str | None, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run it to its end; as that user, which needs root."""
    return subprocess.run(
        as_user(user, command), cwd="/", env=plain_environment(),
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip


def plain_environment() -> dict[str, str]:
    """Without the variables that would lead the server's programs elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
