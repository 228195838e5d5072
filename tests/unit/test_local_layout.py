"""Which processes `make up-local` starts, at which ports, and what each is told."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import environment
from deploy.local.city import LocalCity, Wanted, told_of
from deploy.local.layout import FIRST, Part, Ports, lay_out, load, names_of, peers_of, replicas_in, save
from deploy.local.running import ROOT, taken_ports
from deploy.local.telling import Teller
from deploy.postgres.layout import check_way
from deploy.processes import ServerError
from services.catalogue import SERVICES
from services.chassis.settings import Settings
from services.chassis.settings.servers import peers_of as peers_in_settings

NAMES = ["projection", "policy_registry", "project_tracking"]
SHARED = {"BIZENV_DATA": "/srv/city", "BIZENV_DATABASE": "postgresql://127.0.0.1:5/bizenv", "BIZENV_KAFKA": "h:9"}


@pytest.fixture
def busy() -> Iterator[int]:
    """A port at which somebody listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield int(listening.getsockname()[1])


def test_one_process_of_each_service_at_the_known_ports() -> None:
    parts = lay_out(names_of(NAMES, {}))
    assert [part.name for part in parts] == NAMES
    assert parts[0].ports == FIRST == Ports(8080, 50051, 9464)
    assert [part.ports.http for part in parts] == [8080, 8081, 8082]


def test_further_processes_stand_behind_and_move_nobody() -> None:
    before = lay_out(names_of(NAMES, {}))
    after = lay_out(names_of(NAMES, {"project_tracking": 2, "projection": 3}), before)
    assert after[:3] == before
    assert [part.name for part in after[3:]] == ["projection-2", "project_tracking-2", "projection-3"]
    assert after[3].service == "projection"
    again = lay_out(names_of(NAMES, {"project_tracking": 2}), after)
    assert again == [*before, after[4]]
    assert len({part.ports for part in lay_out(names_of(NAMES, {"projection": 3}), again)}) == 5


def test_free_ports_are_kept_where_they_can_be_used() -> None:
    before = lay_out(names_of(NAMES, {}), free=True)
    assert len({port for part in before for port in vars(part.ports).values()}) == 9
    after = lay_out(names_of(NAMES, {}), before, free=True, usable=lambda part: part.name != "projection")
    assert after[1:] == before[1:]
    assert after[0].ports != before[0].ports


def test_a_name_is_told_once() -> None:
    first, second = Part("projection", "projection", FIRST), Part("projection-2", "projection", FIRST)
    for trouble in ("projection:视图落后", "projection: 视图落后", "视图落后"):
        assert told_of(first, trouble) == "projection: 视图落后"
        assert told_of(second, trouble) == "projection-2: 视图落后"


def test_a_folder_that_postgres_cannot_enter_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(ServerError, match=r"make up-local LOCAL=/srv/city"):
        check_way(closed / "clone" / "var-local" / "postgres")
    assert list(closed.iterdir()) == []
    check_way(Path("/srv/city/postgres"))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    check_way(closed / "clone")


def test_make_asks_before_it_fetches() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile[makefile.index("\nup-local:") :]
    assert recipe.index("deploy.local check") < recipe.index("install_servers") < recipe.index("deploy.local up")
    assert "servers" not in recipe.strip().splitlines()[0].partition("##")[0]


def test_a_layout_is_read_as_it_was_written(tmp_path: Path) -> None:
    parts = lay_out(names_of(NAMES, {"projection": 2}))
    save(parts, tmp_path / "layout.json")
    assert load(tmp_path / "layout.json") == parts
    assert load(tmp_path / "none.json") == []


@pytest.mark.parametrize("text", ["projection", "projection=0", "projection=10", "elsewhere=2", "projection=two"])
def test_replicas_that_make_no_sense_are_named(text: str) -> None:
    with pytest.raises(ServerError, match=rf"REPLICAS.*{text}.*is not valid"):
        replicas_in(text, NAMES)


def test_replicas_with_commas_or_blanks() -> None:
    assert replicas_in("projection=2 project_tracking=3", NAMES) == {"projection": 2, "project_tracking": 3}
    assert replicas_in("projection=2,project_tracking=3", NAMES) == {"projection": 2, "project_tracking": 3}


def test_each_process_knows_its_ports_and_all_services() -> None:
    parts = lay_out(names_of(NAMES, {"project_tracking": 2}))
    for part in parts:
        settings = Settings.load(environment.part_settings(SHARED, part, parts))
        assert (settings.http_port, settings.grpc_port) == (part.ports.http, part.ports.grpc)
        peers = peers_in_settings(settings, [service.name for service in SERVICES])
        assert peers["project_tracking"] == ("127.0.0.1:50053", "127.0.0.1:50054")
        assert set(peers) == set(NAMES)


def test_what_is_ours_to_say_is_not_taken_from_the_caller() -> None:
    given = {"PATH": "/bin", "BIZENV_LOG_LEVEL": "debug", "BIZENV_DATABASE_USER": "x", "BIZENV_KAFKA_USER_FILE": "f"}
    given |= {"BIZENV_DATA": "/var", "BIZENV_HTTP_PORT": "1", "BIZENV_HTTP_CONNECTIONS": "9", "BIZENV_PEERS": "a=b:1"}
    kept = environment.callers(given)
    assert set(kept) == {"PATH", "BIZENV_LOG_LEVEL", "BIZENV_HTTP_CONNECTIONS"}


def test_a_shell_reads_the_settings_as_they_are(tmp_path: Path) -> None:
    environment.write_file({"BIZENV_DATA": "/srv/the city"}, tmp_path / "env")
    settings, path = (tmp_path / "env").read_text("utf-8").splitlines()
    assert settings == "BIZENV_DATA='/srv/the city'"
    assert path == f"PATH={environment.BIN}:$PATH", "where the command lies"


def test_a_taken_port_is_found(busy: int) -> None:
    assert taken_ports({"http": busy}) == {"http": busy}


def test_a_start_is_refused_where_a_port_is_taken(busy: int, tmp_path: Path) -> None:
    city = LocalCity(tmp_path, NAMES, Teller())
    save([Part("projection", "projection", Ports(busy, 1, 2))], tmp_path / "layout.json")
    with pytest.raises(ServerError, match=rf"the port {busy} \(http of projection\) is taken.*PORTS=free"):
        city.up(Wanted())
    assert not (tmp_path / "postgres").exists(), "before anything is started"


def test_peers_are_written_as_the_setting_takes_them() -> None:
    parts = [Part("a", "a", Ports(1, 2, 3)), Part("a-2", "a", Ports(4, 5, 6))]
    assert peers_of(parts) == "a=127.0.0.1:2,a=127.0.0.1:5"
