"""Field and enum numbers: kept from the checked-in .proto file, the next free one for what is new.

Reads only the form that `printer` writes. What is no longer there becomes `reserved`, so that its number never
comes to mean something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(r"(?:message|enum) (\w+) \{(\})?")
_RESERVED = re.compile(r"reserved (.+);")
_ENTRY = re.compile(r"(?:(?:optional|repeated) )?(?:[\w.]+ |map<[\w., ]+> )?(\w+) = (\d+);")


@dataclass(frozen=True)
class Numbers:
    """The numbers of one message or enum, with what is reserved in it."""

    used: Mapping[str, int]
    reserved_numbers: frozenset[int] = frozenset()
    reserved_names: frozenset[str] = frozenset()

    def of(self, names: Iterable[str], first: int = 1) -> Numbers:
        """The numbers for these names now: kept, new after all that were ever used, the rest reserved."""
        wanted = list(names)
        kept = {name: self.used[name] for name in wanted if name in self.used}
        gone = {name: number for name, number in self.used.items() if name not in wanted}
        free = max([first - 1, *self.used.values(), *self.reserved_numbers]) + 1
        for name in wanted:
            if name not in kept:
                kept[name] = free
                free += 1
        numbers = self.reserved_numbers | set(gone.values())
        names_left = (self.reserved_names | set(gone)) - set(wanted)
        return Numbers({name: kept[name] for name in wanted}, numbers, names_left)


NEW = Numbers({})


def read_numbers(path: Path) -> dict[str, Numbers]:
    """The numbers of every message and enum in this file; none when there is no such file yet."""
    return parse_numbers(path.read_text(encoding="utf-8")) if path.exists() else {}


def parse_numbers(text: str) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    block: list[str] | None = None
    name = ""
    for line in (raw.strip() for raw in text.splitlines()):
        if opened := _BLOCK.fullmatch(line):
            name, block = opened[1], []
            found[name] = NEW
        elif line == "}" and block is not None:
            found[name], block = _numbers(block), None
        elif block is not None and not line.startswith("//"):
            block.append(line)
    return found


def _numbers(lines: list[str]) -> Numbers:
    used: dict[str, int] = {}
    numbers: set[int] = set()
    names: set[str] = set()
    for line in lines:
        if reserved := _RESERVED.fullmatch(line):
            items = [item.strip() for item in reserved[1].split(",")]
            names.update(item.strip('"') for item in items if item.startswith('"'))
            numbers.update(int(item) for item in items if not item.startswith('"'))
        elif entry := _ENTRY.fullmatch(line):
            used[entry[1]] = int(entry[2])
    return Numbers(used, frozenset(numbers), frozenset(names))
