"""What keeps a process from starting: each trouble is told in one clear sentence, with an exit code above 0."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from services.cli.opening import PROGRAMMES
from tests.processes import PROGRAMME, WITHOUT_ROOTS_EXCEPTION, Server, bizenv, copy_of, refused, serving, told
from tests.small_disk import LimitedWriter, SmallDisk, small_disk

MAKE = ("init", "--programme", PROGRAMME)
ORDER = ("do", "SignProject", "--json", '{"project_id":"p-1","occurred_on":"2017-01-23"}')


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """With all that is in it, for a process that has not root's exception from modes."""
    modes = {path: path.stat().st_mode for path in (folder, *folder.rglob("*"))}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)


@pytest.fixture(scope="module")
def unserved(empty_city: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A city that no test of this module alters for good."""
    return copy_of(empty_city, tmp_path_factory.mktemp("start") / "var")


# --- ports -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("door", "named"), [("http", "HTTP"), ("grpc", "gRPC"), ("metrics", "metrics")])
def test_a_taken_port(unserved: Path, door: str, named: str) -> None:
    with taken_port() as port:
        done = bizenv(unserved, "serve", **{f"{door}_port": str(port)})
    sentence, *others = done.stderr.splitlines()
    assert (done.returncode, others) == (2, []), "one sentence and nothing else"
    assert f"127.0.0.1:{port}" in sentence
    assert named in sentence
    assert f"BIZENV_{door.upper()}_PORT sets another" in sentence
    assert "taken" in sentence


def test_an_address_that_is_not_ours(unserved: Path) -> None:
    assert "192.0.2.1" in refused(unserved, "serve", http_host="192.0.2.1")


# --- the data folder -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [MAKE, ("serve",)])
def test_a_data_folder_that_cannot_be_written(tmp_path: Path, empty_city: Path, command: tuple[str, ...]) -> None:
    data = tmp_path / "var"
    if command == MAKE:
        data.mkdir()
    else:
        copy_of(empty_city, data)
    before = sorted(data.rglob("*"))
    data.chmod(0o555)
    try:
        sentence = refused(data, *command, before=WITHOUT_ROOTS_EXCEPTION)
    finally:
        data.chmod(0o755)
    assert f"{data} 不可写:Permission denied" in sentence
    assert sorted(data.rglob("*")) == before


@pytest.mark.parametrize("command", [MAKE, ("serve",)])
def test_a_data_folder_that_cannot_be_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert "can't be written" in refused(tmp_path / "file" / "var", *command)


@pytest.mark.parametrize("command", [ORDER, ("restored",)])
def test_a_lock_that_cannot_be_taken(city: Path, command: tuple[str, ...]) -> None:
    (city / "serve.lock").unlink(missing_ok=True)
    (city / "serve.lock").mkdir()
    assert "the data folder can't be written" in refused(city, *command)


@pytest.mark.parametrize("command", [ORDER, ("restored",), ("rebuild",), ("serve",)])
def test_a_data_folder_that_may_only_be_read(city: Path, command: tuple[str, ...]) -> None:
    with read_only(city):
        sentence = refused(city, *command, before=WITHOUT_ROOTS_EXCEPTION)
    assert ("can't be written" in sentence) or ("cannot open the database" in sentence and command == ("rebuild",))


@pytest.mark.parametrize("command", [MAKE, ("serve",)])
def test_a_disk_without_room(tmp_path: Path, empty_city: Path, command: tuple[str, ...]) -> None:
    with small_disk(tmp_path / "disk", 20) as disk:
        data = disk.folder / "var"
        if command == ("serve",):
            shutil.copytree(empty_city, data)
        disk.fill()
        try:
            sentence = refused(data, *command)
        finally:
            disk.free()
        assert "is full" in sentence
        if isinstance(disk, SmallDisk):
            assert "are free on the disk" in refused(data, *command)
        else:
            assert isinstance(disk, LimitedWriter)


def test_a_folder_without_a_city(tmp_path: Path) -> None:
    for command in (("serve",), ("migrate",), ("token", "--role", "leader", "--account", "zhao")):
        assert "bizenv init" in refused(tmp_path, *command)
    assert list(tmp_path.glob("*/*")) == []


def test_a_folder_is_still_empty_after_a_refused_start(tmp_path: Path) -> None:
    assert bizenv(tmp_path, "serve").returncode == 2
    told(tmp_path, *MAKE)


@pytest.mark.parametrize("command", [("rebuild",), ("parked", "list"), ("parked", "retry")])
def test_nothing_is_made_by_a_command_where_there_is_no_city(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert "holds no city" in refused(tmp_path / "nothing", *command)
    assert not (tmp_path / "nothing").exists()


def test_a_city_is_made_once(unserved: Path) -> None:
    assert "a new city needs an empty folder" in refused(unserved, *MAKE)


def test_a_programme_that_is_not_there(tmp_path: Path) -> None:
    assert "nowhere-2017" in refused(tmp_path / "var", "init", "--programme", "nowhere-2017")
    assert not (tmp_path / "var" / "policy_registry").exists()
    assert "no such programme" in refused(tmp_path / "var", "init", "--programme", "a" * 300)


def test_a_programme_with_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "programme"
    shutil.copytree(PROGRAMMES / PROGRAMME, folder)
    (folder / "units.toml").unlink()
    (folder / "units.toml").mkdir()
    assert "units.toml: 文件无法读取" in refused(tmp_path / "var", "init", "--programme", str(folder))
    assert not (tmp_path / "var" / "policy_registry").exists()


def test_a_second_server_on_the_same_folder(city: Path) -> None:
    with serving(city) as server:
        assert "another bizenv process serves this folder" in refused(city, "serve")
        assert server.troubles() == []
        assert server.stop() == 0


# --- settings --------------------------------------------------------------------------------------------------


def test_a_damaged_value_of_a_setting(tmp_path: Path) -> None:
    sentence = refused(tmp_path, "serve", http_port="eighty")
    assert "BIZENV_HTTP_PORT=eighty" in sentence
    assert "an integer from 0 to 65535" in sentence


def test_a_setting_that_nobody_knows(tmp_path: Path) -> None:
    assert "did you mean BIZENV_HTTP_PORT?" in refused(tmp_path, "serve", htpp_port="80")


@pytest.mark.parametrize("arguments", [("serve", "--port", "80"), ("nonsense",), ("token", "--role", "mayor")])
def test_an_order_that_nobody_knows(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = bizenv(tmp_path, *arguments)
    assert done.returncode == 2
    assert "--help)· " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_point_that_nobody_knows(tmp_path: Path) -> None:
    assert "store.committed" in refused(tmp_path, "serve", fault="store.nowhere")


# --- databases -------------------------------------------------------------------------------------------------


def test_a_database_of_a_newer_version(city: Path) -> None:
    sql(city / "project_tracking" / "events.sqlite", "UPDATE alembic_version SET version_num = '9001'")
    for command in ("serve", "migrate"):
        sentence = refused(city, command)
        assert "9001" in sentence
        assert "upgrade" in sentence


def test_a_database_of_an_older_version(city: Path) -> None:
    sql(city / "project_tracking" / "events.sqlite", "UPDATE alembic_version SET version_num = '0000'")
    assert "run bizenv migrate" in refused(city, "serve")


def test_a_file_that_is_not_our_database(city: Path) -> None:
    path = city / "projection" / "events.sqlite"
    path.unlink()
    sql(path, "CREATE TABLE something (id)")
    assert "is not a bizenv database" in refused(city, "serve")
    path.write_bytes(b"this was a database once " * 1000)
    assert "cannot open the database" in refused(city, "serve")


def test_a_store_that_is_missing(city: Path) -> None:
    (city / "projection" / "events.sqlite").unlink()
    assert "projection/events.sqlite" in refused(city, "serve")


def test_real_and_rehearsed_stores_in_one_folder(city: Path) -> None:
    sql(city / "project_tracking" / "events.sqlite", "UPDATE store SET value = 'rehearsal' WHERE key = 'kind'")
    assert "not of one city" in refused(city, "serve")


def test_stores_of_two_cities_in_one_folder(city: Path) -> None:
    sql(city / "project_tracking" / "events.sqlite", "UPDATE store SET value = 'another' WHERE key = 'store_id'")
    assert "not of one city" in refused(city, "serve")


def test_a_store_in_the_folder_of_another_service(city: Path) -> None:
    shutil.copy(city / "policy_registry" / "events.sqlite", city / "projection" / "events.sqlite")
    assert "another service" in refused(city, "serve")


# --- keys ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["token.key", "truth.key"])
def test_a_key_file_that_others_can_read(city: Path, name: str) -> None:
    told(city, "token", "--role", "leader", "--account", "zhao")
    (city / "keys" / name).chmod(0o644)
    assert f"{name} has mode 0644" in refused(city, "serve")


def test_a_damaged_key_file(city: Path) -> None:
    (city / "keys" / "truth.key").write_text("-----BEGIN NOTHING-----")
    assert "truth.key is damaged" in refused(city, "serve")


# --- a trouble that leaves the city able to start later ---------------------------------------------------------


def test_after_a_refused_start_the_city_starts(city: Path) -> None:
    with taken_port() as port:
        refused(city, "serve", grpc_port=str(port))
    server = Server(city).ready()
    assert server.stop() == 0
