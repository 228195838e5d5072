"""`bizenv`: what an operator and a script can do. Modules are loaded by the command that needs them."""

from __future__ import annotations

import sys

import typer

from services.chassis.domain import DomainError
from services.chassis.errors import RequestError, describe
from services.chassis.hosting.ending import heed_signals
from services.cli.app import app
from services.cli.exit_codes import Exit, code_of


def main() -> None:
    """Run the command line; every foreseen error ends in one clear sentence and an exit code above 0."""
    words = sys.argv[1:]
    if words[:1] == ["serve"]:  # all that is loaded below takes a while, and as process 1 it would hear nothing
        heed_signals()
    try:
        sys.exit(_carry_out(words))  # the code of a typer.Exit, None after a command that did its work
    except typer.Exit as ended:
        sys.exit(ended.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - sorted just below; what is not foreseen is raised again
        sys.exit(_explain(error))


def _carry_out(words: list[str]) -> int | None:
    """What the words of the command line ask for. A plain `serve` is called at once: what reads options, and what only
    other commands need, is 20 MB that each serving process would hold for as long as it lives."""
    if words[:1] == ["serve"] and not any(word.startswith("-") for word in words):
        from services.cli.serve import serve  # noqa: PLC0415

        serve(words[1:])
        return None
    _load_commands()
    code: int | None = app(standalone_mode=False)
    return code


def _load_commands() -> None:
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


def _explain(error: Exception) -> int:
    from sqlalchemy.exc import DatabaseError  # noqa: PLC0415

    from services.chassis.auth import KeyFileError  # noqa: PLC0415
    from services.chassis.bus.intake import ConsumerStopped  # noqa: PLC0415
    from services.chassis.event_store import StoreUnusable  # noqa: PLC0415
    from services.chassis.hosting.data_folder import CannotStart  # noqa: PLC0415
    from services.chassis.truth import LogBroken  # noqa: PLC0415
    from services.chassis.views.live import RebuildRunning  # noqa: PLC0415
    from services.cli.opening import unreadable  # noqa: PLC0415
    from services.cli.usage import USAGE_ERROR, is_plain_help, told  # noqa: PLC0415
    from services.policy_registry.programme_files import ProgrammeFileError  # noqa: PLC0415

    if isinstance(error, USAGE_ERROR):
        if is_plain_help(error):
            error.show()
            return Exit.NOT_TRIED
        print(f"bizenv: {told(error)}", file=sys.stderr)
        return Exit.NOT_TRIED
    refusals = (CannotStart, StoreUnusable, KeyFileError, RebuildRunning, ProgrammeFileError)
    if isinstance(error, (*refusals, ConsumerStopped, LogBroken)):
        print(f"bizenv: {error}", file=sys.stderr)
        return Exit.NOT_TRIED
    if isinstance(error, DatabaseError):
        print(f"bizenv: {unreadable(error)}", file=sys.stderr)
        return Exit.NOT_TRIED
    if isinstance(error, (DomainError, RequestError)):
        problem = describe(error)
        print(f"bizenv: {problem.code}: {problem.message} · {problem.english}", file=sys.stderr)
        for violation in problem.violations:
            place = f"{violation.field}: " if violation.field else ""
            print(f"  {place}{violation.message} · {violation.english}", file=sys.stderr)
        return code_of(error) if isinstance(error, RequestError) else Exit.NO
    raise error
