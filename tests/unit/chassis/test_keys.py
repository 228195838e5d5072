"""Signing keys in the data folder."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.chassis.auth import KeyFileError, signing_key


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def test_a_key_is_made_once_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "keys"
    first = signing_key(folder, "token.key")
    assert raw(signing_key(folder, "token.key")) == raw(first)
    assert raw(signing_key(folder, "truth.key")) != raw(first)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "token.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["token.key", "truth.key"]


def test_many_first_callers_get_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        keys = pool.map(lambda _: raw(signing_key(tmp_path / "keys", "token.key")), range(64))
    assert len(set(keys)) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    signing_key(tmp_path, "token.key")
    (tmp_path / "token.key").chmod(mode)
    with pytest.raises(KeyFileError, match=r"token\.key.*chmod 600"):
        signing_key(tmp_path, "token.key")


def test_a_mounted_key_may_be_the_groups_but_not_everyones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is another user's: we are somebody else."""
    signing_key(tmp_path, "token.key")
    path = tmp_path / "token.key"
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    path.chmod(0o440)
    signing_key(tmp_path, "token.key")
    path.chmod(0o444)
    with pytest.raises(KeyFileError):
        signing_key(tmp_path, "token.key")


def test_a_damaged_or_foreign_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    path.touch(0o600)
    with pytest.raises(KeyFileError, match="damaged"):
        signing_key(tmp_path, "token.key")
    other = generate_private_key(SECP256R1())
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="Ed25519"):
        signing_key(tmp_path, "token.key")


def test_a_failed_creation_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            signing_key(tmp_path, "token.key")
    assert list(tmp_path.iterdir()) == []
    signing_key(tmp_path, "token.key")
