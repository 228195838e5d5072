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

from services.catalogue import SERVICES
from services.chassis.settings import Settings
from services.chassis.settings.servers import peers_of

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
COMPOSE_TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in CONTAINERS.items() if one["image"] == "bizenv"}
SERVING = {name: one for name, one in OURS.items() if one["command"][0] == "serve"}
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
    told = {key: filled(value) for key, value in OURS[name]["environment"].items()}
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
