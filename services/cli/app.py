"""What every command of `bizenv` stands on: the application that it adds itself to, its settings, its way to fail."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from services.chassis.contracts.about import VERSION
from services.chassis.settings import Settings, SettingsError
from services.cli.exit_codes import Exit

TOKEN_VARIABLE = "BIZENV_TOKEN"
"""Where `bizenv do` looks for a token: an option of that command, not a setting of the process."""

app = typer.Typer(
    name="bizenv",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="营商环境推进平台 · runs a city's business-environment programme.\n\n"
    "设置取自环境变量 BIZENV_…(bizenv doctor --settings 列出全部) · settings come from the environment:\n"
    "bizenv doctor --settings lists them.",
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        print(f"bizenv {VERSION} (程序与接口契约的版本 · of this build and its contracts)")
        raise typer.Exit


@app.callback()
def about(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_tell_version, is_eager=True, help="版本 · version of build and contracts"),
    ] = False,
) -> None:
    """What holds for all commands."""


def settings() -> Settings:
    """The settings in the environment, or the end of this process with the sentence that says what is wrong."""
    environ = {name: value for name, value in os.environ.items() if name != TOKEN_VARIABLE}
    try:
        return Settings.load(environ)
    except SettingsError as error:
        fail(str(error))


def fail(sentence: str, code: Exit = Exit.NOT_TRIED) -> NoReturn:
    """End with one sentence on stderr."""
    print(f"bizenv: {sentence}", file=sys.stderr)
    raise typer.Exit(code)
