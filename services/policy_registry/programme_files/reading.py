"""Reads one TOML file of a programme as a Struct; what is wrong is named by file, key and rule."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from services.chassis.errors import InvalidRequest
from services.chassis.validation import convert

T = TypeVar("T", bound=msgspec.Struct)

LARGEST_FILE_BYTES = 1024 * 1024
"""A hundred times what a city's programme needs; nothing larger is read."""


class ProgrammeFileError(Exception):
    """A programme's folder cannot be used: which file, which key in it, and the rule in both languages."""

    def __init__(self, file: str, key: str, message: str, english: str) -> None:
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: {message} · {english}")
        self.file = file
        self.key = key
        self.message = message
        self.english = english


def read_toml(folder: Path, file: str) -> dict[str, Any]:
    """The tables of a file; raises ProgrammeFileError when it can't be read, is too large or is not TOML."""
    try:
        return tomllib.loads(_content(folder, file).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProgrammeFileError(file, "", f"不是有效的 TOML:{error}", f"not valid TOML: {error}") from error


def _content(folder: Path, file: str) -> bytes:
    try:
        with (folder / file).open("rb") as opened:
            content = opened.read(LARGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise ProgrammeFileError(file, "", "文件不存在", "the file does not exist") from error
    except OSError as error:
        chinese, english = f"文件无法读取:{error.strerror}", f"the file can't be read: {error.strerror}"
        raise ProgrammeFileError(file, "", chinese, english) from error
    if len(content) > LARGEST_FILE_BYTES:
        chinese = f"文件超过 {LARGEST_FILE_BYTES} 字节"
        raise ProgrammeFileError(file, "", chinese, f"the file is larger than {LARGEST_FILE_BYTES} bytes")
    return content


def tables_of(file: str, raw: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The `[[name]]` tables of a file (none: empty); raises ProgrammeFileError when it is something else."""
    found = raw.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ProgrammeFileError(file, name, f"应写作 [[{name}]]", f"must be written as [[{name}]]")
    return found


def shaped(file: str, raw: dict[str, Any], type_: type[T]) -> T:
    """The tables as a Struct; a key that no Struct knows is refused at every depth."""
    try:
        value = convert(raw, type_)
    except InvalidRequest as error:
        wrong = error.violations[0]
        raise ProgrammeFileError(file, _by_id(raw, wrong.field), wrong.message, wrong.english) from error
    unknown = _unknown_key(raw, value, "")
    if unknown is not None:
        raise ProgrammeFileError(file, _by_id(raw, unknown), "未知的键", "unknown key")
    return value


def _unknown_key(raw: Any, value: Any, path: str) -> str | None:
    """The path of the first key that the value did not take (events' values are tolerant; a file's author isn't)."""
    if isinstance(value, msgspec.Struct):
        for key, inner in raw.items():
            here = f"{path}.{key}" if path else key
            if key not in value.__struct_fields__:
                return here
            found = _unknown_key(inner, getattr(value, key), here)
            if found is not None:
                return found
    elif isinstance(value, tuple):
        pairs = zip(raw, value, strict=True)
        found_in = (_unknown_key(inner, each, f"{path}[{index}]") for index, (inner, each) in enumerate(pairs))
        return next((found for found in found_in if found is not None), None)
    return None


def _by_id(raw: dict[str, Any], path: str) -> str:
    """`units[3].code` as `units[jingxiu].code`: people know their units by id, not by number."""
    match = re.match(r"(\w+)\[(\d+)\]", path)
    if match is None:
        return path
    entry = raw[match[1]][int(match[2])]
    name = entry.get("id") if isinstance(entry, dict) else None
    return path if name is None else f"{match[1]}[{name}]{path[match.end() :]}"
