"""What is wrong with the command line itself, in both languages; and what a command's body must hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import typer

from services.chassis.domain import Command

USAGE_ERROR: Any = typer.BadParameter.__mro__[1]
"""What every complaint about the command line itself derives from; typer has it under no name of its own."""

_KINDS = {
    "NoSuchOption": "没有这个选项",
    "NoSuchCommand": "没有这个命令",
    "MissingParameter": "缺少参数",
    "BadOptionUsage": "选项用法有误",
    "BadParameter": "参数值无效",
}


def is_plain_help(error: Any) -> bool:
    """Whether nothing was asked for at all: then the help is the answer."""
    return type(error).__name__ == "NoArgsIsHelpError"


def told(error: Any) -> str:
    """The sentence about a complaint of the library's, and where its help is."""
    english = " ".join(error.format_message().split())
    kind = _KINDS.get(type(error).__name__, "命令行有误")
    if english.startswith("No such command"):
        kind = _KINDS["NoSuchCommand"]
    context = error.ctx
    path = "bizenv" if context is None else context.command_path
    return f"{kind}(用法见 {path} --help)· {english} (see {path} --help)"


def fields_of(command: type[Command]) -> Iterator[str]:
    """A line for each field of a command's body, from its schema."""
    _, components = msgspec.json.schema_components([command])
    schema = components[command.__name__]
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        need = "必填 required" if name in required else "可省 optional"
        about = field.get("description") or ""
        yield f"  {name:28} {_type_of(field):20} {need}  {about}".rstrip()


def _type_of(field: dict[str, Any]) -> str:
    """In a word or two."""
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "enum" in field:
        return "|".join(map(str, field["enum"]))
    if "anyOf" in field:
        return "|".join(_type_of(each) for each in field["anyOf"])
    if field.get("type") == "array":
        return f"[{_type_of(field.get('items', {}))}]"
    return str(field.get("format") or field.get("type", "any"))
