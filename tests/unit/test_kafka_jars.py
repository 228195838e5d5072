"""Kafka's jars: fetched once, under the hash of what was asked for, whole or not at all. Maven is a script here."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from deploy.kafka import jars
from deploy.processes import ServerError

ROOT = Path(__file__).parents[2]
BRINGS_ONE = 'for told; do case "$told" in -DoutputDirectory=*) target="${told#*=}";; esac; done\n'
BRINGS_ONE += 'echo once >> "$KAFKA_LIB/asked"; mkdir -p "$target"; : > "$target/kafka.jar"\n'


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for jars."""
    monkeypatch.setenv("KAFKA_LIB", str(tmp_path / "shelf"))
    return tmp_path / "shelf"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder in which programs are looked for first; the shell's own come behind it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def maven(programs: Path, does: str) -> None:
    script = programs / "mvn"
    script.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{does}", encoding="utf-8")
    script.chmod(0o755)


def test_they_are_fetched_once(shelf: Path, programs: Path) -> None:
    maven(programs, BRINGS_ONE)
    assert jars.fetch() == jars.fetch() == jars.folder()
    assert [jar.name for jar in jars.folder().iterdir()] == ["kafka.jar"]
    assert (shelf / "asked").read_text(encoding="utf-8") == "once\n"


def test_another_pom_means_other_jars(
    shelf: Path, programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maven(programs, BRINGS_ONE)
    before = jars.fetch()
    pom = tmp_path / "pom.xml"
    pom.write_text("<project/>", encoding="utf-8")
    monkeypatch.setattr(jars, "POM", pom)
    assert jars.fetch() != before
    assert before.is_dir()


def test_a_fetch_that_breaks_off_counts_for_nothing(shelf: Path, programs: Path) -> None:
    maven(programs, BRINGS_ONE + "echo '[ERROR] no such artifact'; exit 1\n")
    with pytest.raises(ServerError, match=r"Maven could not fetch Kafka:\n\[ERROR\] no such artifact"):
        jars.fetch()
    with pytest.raises(ServerError, match="make servers"):
        jars.classpath()
    maven(programs, BRINGS_ONE)
    assert jars.fetch().is_dir()


def test_a_missing_maven_is_named(shelf: Path, programs: Path) -> None:
    with pytest.raises(ServerError, match=r"取 Kafka 需要 Maven.*make servers"):
        jars.fetch()


def test_the_pom_names_no_repository() -> None:
    """Where jars come from is the machine's own business."""
    assert "repositor" not in jars.POM.read_text(encoding="utf-8").lower()


def test_what_is_missing_of_the_machine_is_said_in_one_sentence(programs: Path) -> None:
    """On a machine with neither packages nor a package manager."""
    for name in ("sh", "ls", "sed", "head", "dirname"):
        (programs / name).symlink_to(Path("/usr/bin") / name)
    script = str(ROOT / "deploy" / "install_servers.sh")
    done = subprocess.run([script], capture_output=True, text=True, check=False, env={"PATH": os.environ["PATH"]})
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "install with your package manager first:" in done.stderr
    assert "maven" in done.stderr
