"""What is given away, outside the store: each service's heads as an append-only file of lines, and the public key.

A head is published in four steps, each durable before the next: it is written to the *pending* file, then to the
store, then to the end of the heads file; then the pending file goes. Whatever moment a crash picks, the head is either
nowhere or in the pending file, and starting again finishes it; so a head that stands in only one of store and
heads file, and not in the pending file, was taken out by somebody.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from services.chassis.auth.keys import KeyFileError
from services.chassis.errors import Fault
from services.chassis.sqlite.file_lock import lock_now
from services.chassis.truth.heads import FIRST_PREVIOUS, Head, key_id, parse_line

KEY_FILE = "truth.pub"
LINE_BYTES = 16_384
"""No head is longer; a longer line is damage."""


class LogBroken(Fault):
    """The log cannot be carried on, because what it stands on was altered: run `bizenv audit verify`."""


class PutBack(LogBroken):
    """The store lacks what signed heads cover: it went back, and its positions must not be used again."""


class Line(NamedTuple):
    """A line of the heads file: its number from 1, the offset of its first byte, its bytes with their end."""

    number: int
    offset: int
    raw: bytes


class Published:
    """The published files of one service. One follower writes them; anyone reads them at any time.

    Each call that writes is durable when it returns; it raises OSError when the folder takes no writes.
    """

    def __init__(self, folder: Path, service: str) -> None:
        self.folder = folder
        self.heads_file = folder / f"{service}.heads.jsonl"
        self.pending_file = folder / f"{service}.head.pending"
        self.lock_file = folder / f".{service}.lock"
        self.key_file = folder / KEY_FILE

    def put_key(self, key: Ed25519PublicKey) -> None:
        """Publish the public key; LogBroken when another one is published already."""
        if not self.key_file.exists():
            _replace(self.key_file, key_text(key))
        if read_public_key(self.key_file).public_bytes_raw() != key.public_bytes_raw():
            raise LogBroken(f"{self.key_file} 是另一把公钥", f"{self.key_file} holds another key than ours")

    def put_pending(self, head: Head) -> None:
        """Announce that this head is about to be published."""
        _replace(self.pending_file, head.line())

    def append(self, head: Head) -> None:
        """Write the head to the end of the heads file, unless it is there.

        What a crash left of this same line is overwritten; LogBroken when the head is not the next one.
        """
        line, last, torn = head.line(), *self._tail()
        if last == line:
            return
        if not line.startswith(torn) or head.previous != _digest_of(last):
            raise LogBroken(f"{self.heads_file} 末尾已被改动", f"the end of {self.heads_file} is not what we wrote")
        with open(self.heads_file, "ab") as file:
            file.truncate(file.seek(0, os.SEEK_END) - len(torn))
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self.folder)

    def drop_pending(self) -> None:
        self.pending_file.unlink(missing_ok=True)

    def pending(self) -> Head | None:
        """The head that is being published; LogBroken when the file holds something else."""
        raw = self.pending_line()
        head = parse_line(raw) if raw else None
        if raw is not None and head is None:
            raise LogBroken(f"{self.pending_file} 已损坏", f"{self.pending_file} is damaged")
        return head

    def pending_line(self) -> bytes | None:
        """The bytes of the pending file; None when there is none."""
        try:
            with open(self.pending_file, "rb") as file:
                return file.read(LINE_BYTES)
        except FileNotFoundError:
            return None

    def last(self) -> Head | None:
        """The newest published head; LogBroken when the last line is not a head."""
        raw, torn = self._tail()
        head = parse_line(raw) if raw else None
        if torn or (raw and head is None):
            raise LogBroken(f"{self.heads_file} 末尾已损坏", f"the end of {self.heads_file} is damaged")
        return head

    def size(self) -> int:
        """Bytes in the heads file now; 0 when there is none."""
        return self.heads_file.stat().st_size if self.heads_file.exists() else 0

    def lines(self, end: int) -> Iterator[Line]:
        """The lines that begin before the offset `end`; an overlong line comes in pieces, a torn one as it is."""
        if not self.heads_file.exists():
            return
        offset = 0
        with open(self.heads_file, "rb") as file:
            for number, raw in enumerate(iter(lambda: file.readline(LINE_BYTES), b""), 1):
                if offset >= end:
                    return
                yield Line(number, offset, raw)
                offset += len(raw)

    def _tail(self) -> tuple[bytes, bytes]:
        """The last whole line (empty: none) and what stands after it without an end."""
        if not self.heads_file.exists():
            return b"", b""
        with open(self.heads_file, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(0, size - 2 * LINE_BYTES))
            pieces = file.read().split(b"\n")
        whole = pieces[-2] + b"\n" if len(pieces) > (2 if start else 1) else b""
        return whole, pieces[-1]


class FollowerLock:
    """Lets one process (and one object in it) follow a store; the system frees it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> bool:
        """Whether we hold it now. Does not block. OSError when the folder takes no writes."""
        if self._file is not None:
            return True
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not lock_now(file):
            os.close(file)
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _digest_of(line: bytes) -> str | None:
    """What the head after this line (empty: none) must name as previous."""
    if not line:
        return FIRST_PREVIOUS.hex()
    head = parse_line(line)
    return None if head is None else head.digest.hex()


def key_text(key: Ed25519PublicKey) -> bytes:
    """The published form of the key: a line with its id, then PEM."""
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return f"key id: {key_id(key)}\n".encode() + pem


def read_public_key(path: Path) -> Ed25519PublicKey:
    """The public key in a file that `Published.put_key` wrote, or in plain PEM.

    Raises KeyFileError (damaged, or no Ed25519 key) or OSError.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise KeyFileError(f"公钥文件 {path} 已损坏 · the public key file {path} is damaged") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyFileError(f"公钥文件 {path} 不是 Ed25519 公钥 · {path} holds no Ed25519 key")
    return key


def _replace(path: Path, content: bytes) -> None:
    """Put the content there whole: a reader sees the old file or the new one. Several threads may do so at once."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.draft")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
