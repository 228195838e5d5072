"""What can be seen of the containers without running one: settings, who waits for whom, what the image is made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from deploy.kafka.cluster import KafkaServer
from deploy.local import environment
from deploy.local.__main__ import COCKPIT
from deploy.local.layout import FIRST, lay_out, names_of
from deploy.local.running import DRAIN_SECONDS
from deploy.postgres.server import SETTINGS as SERVER_SETTINGS
from deploy.postgres.server import STOP_SECONDS, PostgresServer
from services.catalogue import SERVICES
from services.chassis.settings import Settings
from services.chassis.settings.declared import settings_table
from services.chassis.settings.servers import peers_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in CONTAINERS.items() if one["image"] == "bizenv"}
SERVING = {name: one for name, one in OURS.items() if one["command"][0] == "serve"}
SETTINGS: dict[str, str | None] = COMPOSE["x-settings"]
NAMES = [row.variable for row in settings_table()]
KAFKA_TOLD: dict[str, Any] = CONTAINERS["kafka"]["environment"]
SOCKETS = "unix_socket_directories"
ADDRESSES = ("CONTROLLER", "CLIENT", "INTERNAL", "${voters}", "${data}")
"""In the values of Kafka's settings that differ in containers: where things are."""
SECRETS = {"POSTGRES_PASSWORD": "one", "BIZENV_DATABASE_PASSWORD": "two"}
REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def filled(text: str) -> str:
    """As compose fills in the variables of an env file in which only the passwords are set."""

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        return SECRETS.get(name) or (rest if kind == "-" else pytest.fail(f"{name} has no value"))

    return REFERENCE.sub(value, text)


def image_settings() -> dict[str, str]:
    """What the image itself says."""
    [block] = re.findall(r"^ENV (.+)$", DOCKERFILE, re.MULTILINE)
    return dict(pair.split("=", 1) for pair in block.split() if pair.startswith("BIZENV_"))


def copied() -> list[str]:
    """The paths that the image is made of."""
    return [path for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) for path in line.split()[:-1]]


@pytest.mark.parametrize("name", OURS)
def test_a_container_starts_with_settings_that_are_understood(name: str) -> None:
    told = {key: filled(value) for key, value in OURS[name]["environment"].items() if value is not None}
    settings = Settings.load({**image_settings(), **told})
    assert settings.distributed
    assert settings.http_host == settings.grpc_host == "0.0.0.0"
    assert settings.database_password is not None
    assert settings.database_password.reveal() == "two"
    for addresses in peers_of(settings, [service.name for service in SERVICES]).values():
        assert {address.partition(":")[0] for address in addresses} <= set(SERVING)
        assert {address.partition(":")[2] for address in addresses} == {str(settings.grpc_port)}


def test_every_service_is_served_by_the_container_that_its_peers_ask() -> None:
    peers = dict(part.split("=") for part in COMPOSE["x-settings"]["BIZENV_PEERS"].split(","))
    served = {service: name for name, one in SERVING.items() for service in one["command"][1:]}
    assert sorted(served) == sorted(service.name for service in SERVICES)
    assert {service: address.partition(":")[0] for service, address in peers.items()} == served


def test_who_waits_for_whom() -> None:
    for name, one in CONTAINERS.items():
        for other, how in one.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in CONTAINERS[other]["healthcheck"], (name, other)
                assert other not in SERVING or "/readyz" in CONTAINERS[other]["healthcheck"]["test"][-1]
            else:
                assert how["condition"] == "service_completed_successfully"
                assert "restart" not in CONTAINERS[other], f"{other} would never end"
    assert all("migrate" in one["depends_on"] for one in SERVING.values())


def test_volumes_are_declared_and_only_the_loopback_is_published() -> None:
    used = {volume.partition(":")[0] for one in CONTAINERS.values() for volume in one.get("volumes", [])}
    files = {path for path in used if path.startswith(".")}
    assert used - files == set(COMPOSE["volumes"])
    assert all((DEPLOY / path).is_file() for path in files)
    published = [port for one in CONTAINERS.values() for port in one.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_no_secret_stands_in_the_files() -> None:
    for line in COMPOSE_TEXT.splitlines():
        if "PASSWORD:" in line:
            assert re.search(r"PASSWORD: \$\{\w+:\?[^}]+\}$", line), line
    example = (DEPLOY / "compose.env.example").read_text(encoding="utf-8")
    assert dict(re.findall(r"^(\w*PASSWORD)=(.*)$", example, re.MULTILINE)) == dict.fromkeys(SECRETS, "")
    assert "deploy/compose.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_image_runs_as_nobody_of_importance_and_is_made_of_hashed_libraries() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)
    assert users == ["bizenv"]
    assert "--require-hashes -r requirements/runtime.txt" in DOCKERFILE
    assert "/livez" in DOCKERFILE
    assert 'ENTRYPOINT ["bizenv"]' in DOCKERFILE


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in lines
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert let_in == set(copied())
    assert all((ROOT / path).exists() for path in copied())


def test_the_copied_files_are_enough_to_make_a_city(tmp_path: Path) -> None:
    image = tmp_path / "image"
    for path in copied():
        target = image / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / path).is_dir():
            shutil.copytree(ROOT / path, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / path, target)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BIZENV_")}
    command = [sys.executable, "-m", "services.cli", "init", "--programme", "baoding-2017"]
    environment = {**plain, "PYTHONPATH": str(image), "BIZENV_DATA": str(tmp_path / "city")}
    done = subprocess.run(command, cwd=image, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "city" / "policy_registry" / "events.sqlite").is_file()


def test_the_addresses_are_those_of_up_local() -> None:
    """The first process of each service; further ones take the next of a range."""
    names = [COCKPIT, *(service.name for service in SERVICES if service.name != COCKPIT)]
    served = {one["command"][1]: one["ports"] for one in SERVING.values()}
    for part in lay_out(names_of(names, {})):
        inside = vars(FIRST)
        outside = {int(port.split(":")[2]): port.split(":")[1].partition("-")[0] for port in served[part.service]}
        assert outside == {inside[what]: str(port) for what, port in vars(part.ports).items()}
    assert {"127.0.0.1:15432:5432"} == set(CONTAINERS["postgres"]["ports"])
    [kafka] = CONTAINERS["kafka"]["ports"]
    assert f"OUTSIDE://{kafka.rpartition(':')[0]}" in KAFKA_TOLD["KAFKA_ADVERTISED_LISTENERS"]


def test_no_two_processes_want_one_port() -> None:
    taken: list[int] = []
    for one in CONTAINERS.values():
        for port in one.get("ports", []):
            first, _, last = port.split(":")[1].partition("-")
            taken += range(int(first), int(last or first) + 1)
    assert len(taken) == len(set(taken))


def test_settings_are_given_and_handed_on_as_by_up_local(tmp_path: Path) -> None:
    postgres, kafka = PostgresServer(tmp_path), KafkaServer(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(PostgresServer, "port", 1)
        patched.setattr(KafkaServer, "servers", "h:1")
        patched.setattr(KafkaServer, "brokers", [])
        given = set(environment.city_settings(tmp_path, postgres, kafka)) | {"BIZENV_PEERS"}
    told = set(image_settings()) | {name for name, value in SETTINGS.items() if value is not None}
    assert {name.removesuffix("_FILE") for name in given} <= told
    handed_on = {row.variable for row in settings_table()} & set(environment.callers(dict.fromkeys(NAMES, "1")))
    assert {name for name, value in SETTINGS.items() if value is None} == handed_on - told - {"BIZENV_FAULT"}


def test_who_asks_for_a_login_waits_until_all_is_ready() -> None:
    login = OURS["login"]
    assert login["depends_on"] == {name: {"condition": "service_healthy"} for name in SERVING}
    assert login["command"][0] == "token"
    assert login["command"][-1] == "--login"
    assert login["profiles"], "`up` would run it, and nobody see the link"


def test_the_servers_are_set_as_those_of_up_local() -> None:
    settings = {key: value for key, value in SERVER_SETTINGS.items() if key not in ("listen_addresses", SOCKETS)}
    assert [f"{key}={value}" for key, value in settings.items()] == CONTAINERS["postgres"]["command"][2::2]
    lines = (DEPLOY / "kafka" / "server.properties").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    plain = {key: value for key, value in given.items() if not any(word in value for word in ADDRESSES)}
    single = {"${replicas}": "1", "${in_sync}": "1", "${node}": "1"}
    wanted = {f"KAFKA_{key.upper().replace('.', '_')}": single.get(value, value) for key, value in plain.items()}
    wanted |= {"KAFKA_INTER_BROKER_LISTENER_NAME": "CLIENT"}  # they talk to no other broker
    assert {name: str(KAFKA_TOLD[name]) for name in wanted} == wanted


def test_the_rehearsal_is_that_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("PROGRAMME", "UNTIL", "SEED"):
        [value] = re.findall(rf"^{name} \?= (.+)$", makefile, re.MULTILINE)
        words = CONTAINERS["rehearse"]["command"]
        assert words[words.index(f"--{name.lower()}") + 1] == value


def test_they_are_given_the_time_to_end_that_up_local_gives() -> None:
    for seconds, names in ((DRAIN_SECONDS, SERVING), (STOP_SECONDS, ("postgres", "kafka"))):
        assert {CONTAINERS[name]["stop_grace_period"] for name in names} == {f"{seconds:.0f}s"}
