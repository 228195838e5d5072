"""The folder of an own PostgreSQL: the password, and the cluster `data` as initdb lays it out."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from pathlib import Path

from deploy.postgres.programs import program, run_as, server_user
from deploy.processes import ServerError

SUPERUSER = "postgres"
"""Of the cluster; and the system's user that the server runs as when we are root."""


def lay_out(folder: Path, *, synced: bool) -> None:
    """Make the password and the cluster unless they are there; under another name first, so that a broken attempt is
    not taken for a cluster. ServerError when the folder can't be used."""
    own(folder)
    password = folder / "password"
    _keep_password(password)
    _check_reach(password)
    if (folder / "data").exists():
        return
    draft = folder / "data.draft"
    shutil.rmtree(draft, ignore_errors=True)
    _initdb(draft, password, synced)
    draft.rename(folder / "data")


def check_way(folder: Path) -> None:
    """Before anything is fetched or made: whether the server's user can get to the folder. ServerError if not."""
    if os.geteuid() != 0:
        return
    for above in reversed(folder.resolve().parents):
        if above.exists() and not above.stat().st_mode & stat.S_IXOTH:
            raise _unreachable(SUPERUSER, above)


def own(path: Path) -> None:
    """Give it to the user that the server runs as, and to nobody else."""
    if user := server_user():
        shutil.chown(path, user, user)
    path.chmod(0o700 if path.is_dir() else 0o600)


def _keep_password(file: Path) -> None:
    given = os.environ.get("PGPASSWORD")
    if not file.exists():
        draft = file.with_suffix(".draft")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            opened.write(given or secrets.token_urlsafe(24))
        own(draft)
        draft.rename(file)
    elif given and given != file.read_text(encoding="utf-8").strip():
        raise ServerError(f"密码与 {file} 不符 · $PGPASSWORD differs from the password that {file} keeps")


def _check_reach(password: Path) -> None:
    """The user that the server runs as may be kept out of a folder above ours."""
    user = server_user()
    if run_as(user, ["test", "-r", str(password)]).returncode:
        raise _unreachable(user, password.parent)


def _unreachable(user: str | None, folder: Path) -> ServerError:
    return ServerError(
        f"PostgreSQL 以用户 {user} 运行,而该用户进不了 {folder}。请换一个人人可进入的位置:make up-local LOCAL=/srv/city"
        f"(单独启动时用 --folder)· PostgreSQL runs as the user {user}, who can't enter {folder}: take a folder below "
        "one that everybody may enter (chmod o+x): make up-local LOCAL=/srv/city, or --folder for the server alone"
    )


def _initdb(data: Path, password: Path, synced: bool) -> None:
    command = [program("initdb"), "-D", str(data), "-U", SUPERUSER, f"--pwfile={password}", "--auth=scram-sha-256"]
    command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions", *([] if synced else ["--no-sync"])]
    done = run_as(server_user(), command)
    if done.returncode:
        raise ServerError(f"initdb 失败 · initdb failed: {done.stderr.strip()}")
