"""`bizenv do`: send one command, with the same checks and rights as at every other door."""

from __future__ import annotations

import math
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from services.catalogue import SERVICES
from services.chassis.commanding.gateway import Call, Receipt
from services.chassis.deadline import Deadline
from services.chassis.domain import Command
from services.chassis.errors import InvalidRequest, TooLarge, Violation
from services.chassis.hosting.city import City
from services.chassis.validation import decode_json
from services.cli.app import TOKEN_VARIABLE, app, fail
from services.cli.opening import access_to, city, prepare, require_city, unserved_city
from services.cli.usage import fields_of


def public_commands() -> dict[str, type[Command]]:
    """The commands that a person may send, by name."""
    return {
        command.__name__: command
        for service in SERVICES
        for aggregate in service.aggregates
        for command in aggregate.decider.decisions
        if command not in aggregate.internal
    }


@app.command("do")
def do_command(
    name: Annotated[
        str, typer.Argument(metavar="COMMAND", help="命令名,如 StartProject;list 列出全部 · its name, or: list")
    ],
    body: Annotated[
        str | None, typer.Option("--json", help="命令内容(JSON);- 表示标准输入 · its body; - for stdin")
    ] = None,
    token: Annotated[
        str | None, typer.Option(envvar=TOKEN_VARIABLE, help="访问令牌 · access token", show_envvar=False)
    ] = None,
    command_id: Annotated[str | None, typer.Option(help="命令编号(UUID),重试时用同一个 · the same for a retry")] = None,
    expected_version: Annotated[int | None, typer.Option(min=0, help="预期版本 · the version you have seen")] = None,
    seconds: Annotated[
        float, typer.Option(help="时限(秒),含执行前的补齐 · deadline in seconds; catching up before counts")
    ] = 30,
) -> None:
    """执行一条命令并打印回执 · carry out one command and print its receipt."""
    known = public_commands()
    if name == "list":
        for each, struct in sorted(known.items()):
            print(f"{each:28} {(struct.__doc__ or '').strip().splitlines()[0] if struct.__doc__ else ''}")
        return
    if name not in known:
        fail(f"没有命令 {name};bizenv do list 列出全部 · no such command: bizenv do list shows all")
    given = prepare()
    if body is None:
        _tell_fields(name, known[name])
    command = decode_json(_body(body, given.max_message_bytes), known[name])
    require_city(given)
    with unserved_city(given) as unserved, city(given) as opened:
        access = access_to(opened.form, given, opened.info.store_id)
        principal = access.verifier.verify(token, datetime.now(UTC))
        call = Call(
            principal=principal,
            deadline=_deadline(seconds),
            command_id=command_id,
            expected_version=expected_version,
        )
        receipt = _carry_out(opened, command, call, unserved)
    print(msgspec.json.format(msgspec.json.encode(receipt)).decode())


def _tell_fields(name: str, command: type[Command]) -> None:
    """Without a body: what it must hold. A command that needs nothing is carried out."""
    if any(field.required for field in msgspec.structs.fields(command)):
        print("\n".join(fields_of(command)))
        fail(f"请用 --json 给出 {name} 的内容 · give the body of {name} with --json, of the fields above")


def _carry_out(opened: City, command: Command, call: Call, unserved: bool) -> Receipt:
    """Where no server follows the facts, the reference tables are brought up to them first, within the deadline,
    and what follows from the command is done at once."""
    if unserved:
        opened.settle()
    call.deadline.check()
    receipt = opened.do(command, call)
    if unserved:
        opened.settle()
    return receipt


def _deadline(seconds: float) -> Deadline:
    if not math.isfinite(seconds):
        raise InvalidRequest(Violation("--seconds", "应为秒数", "must be a number of seconds"))
    return Deadline.after(seconds)


def _body(given: str | None, largest: int) -> bytes:
    """The command's body; raises TooLarge, and reads no more of it than shows that it is."""
    if given is None:
        return b"{}"
    if given == "-":
        body = sys.stdin.buffer.read(largest + 1)
    elif given.startswith("@"):
        body = _content(given[1:], largest + 1)
    else:
        body = os.fsencode(given)
    if len(body) > largest:
        raise TooLarge.than(largest)
    return body


def _content(path: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except (OSError, ValueError) as error:  # ValueError: a zero character in the path
        reason = getattr(error, "strerror", None) or str(error)
        fail(f"--json @{path} 无法读取:{reason} · the file can't be read")
