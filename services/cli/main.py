"""`bizenv`: what an operator and a script can do. Modules are loaded by the command that needs them."""

from __future__ import annotations

import sys
from typing import Any

import typer

from services.chassis.domain import DomainError
from services.chassis.errors import RequestError, describe
from services.chassis.hosting.ending import heed_signals
from services.cli.app import app

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""What every complaint about the command line itself derives from; typer has it under no name of its own."""


def main() -> None:
    """Run the command line; every foreseen error ends in one clear sentence and an exit code above 0."""
    if sys.argv[1:2] == ["serve"]:  # all that is loaded below takes a while, and as process 1 it would hear nothing
        heed_signals()
    from services.cli import (  # noqa: F401, PLC0415 - they add themselves
        audit,
        backup,
        city,
        commands,
        events,
        operate,
        relay,
        serve,
        tokens,
    )

    try:
        sys.exit(app(standalone_mode=False))  # the code of a typer.Exit, None after a command that did its work
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - sorted just below; what is not foreseen is raised again
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

    from services.chassis.auth import KeyFileError  # noqa: PLC0415
    from services.chassis.bus.intake import ConsumerStopped  # noqa: PLC0415
    from services.chassis.event_store import StoreUnusable  # noqa: PLC0415
    from services.chassis.hosting.data_folder import CannotStart  # noqa: PLC0415
    from services.chassis.truth import LogBroken  # noqa: PLC0415
    from services.chassis.views.live import RebuildRunning  # noqa: PLC0415
    from services.cli.opening import unreadable  # noqa: PLC0415
    from services.policy_registry.programme_files import ProgrammeFileError  # noqa: PLC0415

    if isinstance(error, USAGE_ERROR):
        error.show()
        return int(error.exit_code)
    refusals = (CannotStart, StoreUnusable, KeyFileError, RebuildRunning, ProgrammeFileError)
    if isinstance(error, (*refusals, ConsumerStopped, LogBroken)):
        print(f"bizenv: {error}", file=sys.stderr)
        return 2
    if isinstance(error, DatabaseError):
        print(f"bizenv: {unreadable(error)}", file=sys.stderr)
        return 2
    if isinstance(error, (DomainError, RequestError)):
        problem = describe(error)
        print(f"bizenv: {problem.code}: {problem.message} · {problem.english}", file=sys.stderr)
        for violation in problem.violations:
            place = f"{violation.field}: " if violation.field else ""
            print(f"  {place}{violation.message} · {violation.english}", file=sys.stderr)
        return 1
    raise error
