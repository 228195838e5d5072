"""The store's own signing keys: Ed25519, one file each, made once and readable by their owner only.

`token.key` signs tokens, `truth.key` signs tree heads: one may be replaced without the other.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

TOKEN_KEY = "token.key"
TRUTH_KEY = "truth.key"


class KeyFileError(Exception):
    """A key file that must not be used; one sentence says why and what to do."""


def signing_key(folder: Path, name: str) -> Ed25519PrivateKey:
    """The key in `folder`/`name`, made at the first call, also when several processes ask at once.

    Raises KeyFileError (readable by others, damaged) or OSError (folder not writable, disk full).
    """
    path = folder / name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _create(path)
    return _load(path)


def _create(path: Path) -> None:
    """Write a complete key beside the path, then link it there: whoever links first wins, nobody sees half a file."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        _link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # another process was first; its key is the one
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _load(path: Path) -> Ed25519PrivateKey:
    _require_private(path)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(f"密钥文件 {path} 已损坏 · the key file {path} is damaged") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"密钥文件 {path} 不是 Ed25519 密钥 · the key file {path} holds no Ed25519 key")
    return key


def _require_private(path: Path) -> None:
    """Ours must be for us alone; one that the system mounted for us (another owner) may be our group's too."""
    status = path.stat()
    refused = 0o077 if status.st_uid == os.geteuid() else 0o007
    mode = stat.S_IMODE(status.st_mode)
    if mode & refused:
        raise KeyFileError(
            f"密钥文件 {path} 权限为 {mode:04o},其他人可以读取;请执行 chmod 600 · "
            f"the key file {path} has mode {mode:04o}, others can use it; run chmod 600 on it"
        )
