"""`bizenv`: what an operator and a script can do. Modules are loaded by the command that needs them."""

from __future__ import annotations

import os
import sys
from typing import Any, NoReturn

import typer

from services.chassis.domain import DomainError
from services.chassis.errors import RequestError, describe
from services.chassis.settings import Settings, SettingsError

TOKEN_VARIABLE = "BIZENV_TOKEN"
"""Where `bizenv do` looks for a token: an option of that command, not a setting of the process."""

app = typer.Typer(
    name="bizenv",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="营商环境推进平台 · runs a city's business-environment programme.\n\n"
    "设置取自环境变量 BIZENV_…(bizenv doctor 列出全部) · settings come from the environment.",
)

USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
"""What every complaint about the command line itself derives from; typer has it under no name of its own."""


def settings() -> Settings:
    """The settings in the environment, or the end of this process with the sentence that says what is wrong."""
    environ = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    try:
        return Settings.load(environ)
    except SettingsError as error:
        fail(str(error))


def fail(sentence: str, code: int = 2) -> NoReturn:
    """End with one sentence on stderr."""
    print(f"bizenv: {sentence}", file=sys.stderr)
    raise typer.Exit(code)


def main() -> None:
    """Run the command line; every foreseen error ends in one clear sentence and an exit code above 0."""
    from services.cli import audit, city, commands, events, operate, tokens  # noqa: F401, PLC0415 - they add themselves

    try:
        sys.exit(app(standalone_mode=False))  # the code of a typer.Exit, None after a command that did its work
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - sorted just below; what is not foreseen is raised again
        sys.exit(_explain(error))


def _explain(error: Exception) -> int:
    from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

    from services.chassis.auth import KeyFileError  # noqa: PLC0415
    from services.chassis.event_store import StoreUnusable  # noqa: PLC0415
    from services.chassis.intake import ConsumerStopped  # noqa: PLC0415
    from services.chassis.live_views import RebuildRunning  # noqa: PLC0415
    from services.chassis.serving import CannotStart  # noqa: PLC0415
    from services.chassis.truth import LogBroken  # noqa: PLC0415
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
