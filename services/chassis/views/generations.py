"""Where the generations of one service's views are kept, and which of them answers: a port, and its adapter for a
folder. A folder holds `views.<n>.sqlite` files and `views.current` with the number that answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from services.chassis.sinks.place import SinkPlace
from services.chassis.sqlite.file_lock import lock_now
from services.chassis.views.file import ViewFile

POINTER = "views.current"


class RebuildRunning(Exception):
    """Another rebuild of these views is at work."""

    def __init__(self) -> None:
        super().__init__("另一个重建正在进行 · another rebuild is running")


class Generations(Protocol):
    """Numbered places, and a pointer to one of them."""

    def name(self, number: int) -> str:
        """What messages call a generation."""
        ...

    def pointed(self) -> int:
        """The number that the pointer names; 0: there is none, or it is damaged (the views are then built anew)."""
        ...

    def point(self, number: int) -> None:
        """Move the pointer, atomically and durably."""
        ...

    def newest(self) -> int:
        """The highest number that any place bears; 0: there is none."""
        ...

    def open(self, number: int) -> SinkPlace: ...

    def remove(self, number: int) -> None:
        """Remove a place with all that is in it; one that is not there is gone already."""
        ...

    def retire(self, number: int) -> None:
        """This process uses the generation no more."""
        ...

    def beginning(self) -> AbstractContextManager[None]:
        """Held while the first generation is chosen or made: one process after another."""
        ...

    def rebuilding(self) -> AbstractContextManager[None]:
        """Held while a generation is built; raises RebuildRunning where another process holds it."""
        ...

    def close(self) -> None: ...


class GenerationFiles:
    """One process's views in a folder of its own."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._durable = durable

    def name(self, number: int) -> str:
        return str(self._path(number))

    def pointed(self) -> int:
        try:
            return int((self._folder / POINTER).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def point(self, number: int) -> None:
        draft = self._folder / f"{POINTER}.new"
        with draft.open("w", encoding="ascii") as file:
            file.write(str(number))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._folder / POINTER)

    def newest(self) -> int:
        numbers = (path.name.split(".")[1] for path in self._folder.glob("views.*.sqlite"))
        return max((int(number) for number in numbers if number.isdecimal()), default=0)

    def open(self, number: int) -> ViewFile:
        return ViewFile(self._path(number), durable=self._durable)

    def remove(self, number: int) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._path(number)}{suffix}").unlink(missing_ok=True)

    def retire(self, number: int) -> None:
        """Nobody else uses it."""
        self.remove(number)

    def beginning(self) -> AbstractContextManager[None]:
        """Nothing to hold: nobody else chooses."""
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def rebuilding(self) -> Iterator[None]:
        with (self._folder / "rebuild.lock").open("w") as lock:
            if not lock_now(lock):
                raise RebuildRunning
            yield

    def close(self) -> None:
        """Nothing is held open."""

    def _path(self, number: int) -> Path:
        return self._folder / f"views.{number}.sqlite"
