"""What a broker is made of, fetched once by Maven: a folder of jars outside of git, under the hash of pom.xml."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

from deploy.processes import ServerError, alone

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.7.1:copy-dependencies"
OLDEST_JAVA = 17


def folder() -> Path:
    """Where the jars of this pom are or will be: below $KAFKA_LIB, else below build/kafka-lib."""
    shelf = os.environ.get("KAFKA_LIB")
    base = Path(shelf) if shelf else HERE.parents[1] / "build" / "kafka-lib"
    return base / sha256(POM.read_bytes()).hexdigest()[:16]


def classpath() -> str:
    """For java's -cp. ServerError when the jars were not fetched."""
    if not folder().is_dir():
        raise ServerError(
            "Kafka 的程序不在本机,请运行 make servers · "
            f"Kafka's jars are not on this machine (looked in {folder()}): make servers"
        )
    return f"{folder()}/*"


@cache
def java() -> str:
    """The path of a Java that is new enough, of $JAVA_HOME or $PATH. ServerError when there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=f"{home}/bin" if home else None)
    told = "" if found is None else _version(found)
    version = re.search(r'version "(\d+)', told)
    if found is None or version is None or int(version[1]) < OLDEST_JAVA:
        raise ServerError(
            f"Kafka 需要 Java {OLDEST_JAVA} 或更高版本,请运行 make servers · "
            f"Kafka needs Java {OLDEST_JAVA} or newer ({told.partition(chr(10))[0] or 'none found'}): make servers"
        )
    return found


def archive() -> Path:
    """Where the classes that a broker loads are or will be, as this very Java keeps them."""
    return folder().with_name(f"{folder().name}-{sha256(_version(java()).encode()).hexdigest()[:8]}.jsa")


def shared_classes() -> list[str]:
    """Java's option to take the classes from the archive, if there is one."""
    return [f"-XX:SharedArchiveFile={archive()}"] if archive().exists() else []


def fetch() -> Path:
    """Fetch the jars unless they are here; a fetch that breaks off leaves nothing that looks whole.

    ServerError when Maven is missing or fails.
    """
    target = folder()
    with alone(target.parent):
        if not target.is_dir():
            draft = target.with_suffix(".draft")
            shutil.rmtree(draft, ignore_errors=True)
            _copy_dependencies(draft)
            draft.rename(target)
    return target


def _copy_dependencies(draft: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ServerError(
            "取 Kafka 需要 Maven,请运行 make servers · fetching Kafka needs Maven (package maven): make servers"
        )
    print("取 Kafka · fetching Kafka by Maven", flush=True)
    command = [maven, "-B", "-f", str(POM), COPY, "-DincludeScope=runtime", f"-DoutputDirectory={draft}"]
    output: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            output.append(line)
            _show(sum("Downloaded from" in told and ".jar" in told for told in output))
    _end_line()
    if running.returncode:
        complaint = "".join(line for line in output if "ERROR" in line) or "".join(output)
        raise ServerError(f"取不到 Kafka · Maven could not fetch Kafka:\n{complaint}")


def _show(jars: int) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(f"\r取 Kafka · fetching Kafka: {jars} jars\033[K")
        sys.stdout.flush()


def _end_line() -> None:
    if sys.stdout.isatty():
        sys.stdout.write("\n")


@cache
def _version(program: str) -> str:
    done = subprocess.run([program, "-version"], capture_output=True, text=True, check=False)
    return done.stderr + done.stdout
