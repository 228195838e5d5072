"""An own PostgreSQL on this machine: made in a folder, started at a loopback port, stopped by pid.

    python deploy/postgres/server.py start --folder var/postgres [--port 15432]
    python deploy/postgres/server.py stop --folder var/postgres

Standard library only; the programs come from Debian's package `postgresql`. The password of its two roles, `postgres`
(everything) and `bizenv` (makes schemas in the database `bizenv`), is $PGPASSWORD at the first start or drawn. It stays
in the folder's file `password`, mode 600. PostgreSQL refuses to run as root: then it runs as the user `postgres`.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.postgres.layout import SUPERUSER, lay_out, own
from deploy.postgres.programs import plain_environment, program, server_user
from deploy.processes import LOOPBACK, Process, ServerError, alone, free_port, remember, remembered, spawn, tail, within

ROLE = "bizenv"
START_SECONDS = 120.0
"""Recovery after a kill is included, which syncs every file, on a disk that takes its time."""
STOP_SECONDS = 60.0
SETTINGS = {"listen_addresses": LOOPBACK, "unix_socket_directories": "", "max_connections": "200"}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Faster, and lost with the machine's power: for tests that pull no plug."""

SET_UP = Path(__file__).with_name("role.sql")
"""Of the role and its database; may be run again."""


class PostgresServer:
    """One cluster in a folder. The settings (`{"fsync": "off"}`) and the identity hold from the next start on.

    `identity` is a PEM file with a private key and its certificate: connections may be encrypted then.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        settings: Mapping[str, str] | None = None,
        identity: Path | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self._identity = identity
        self.settings = {**SETTINGS, **(settings or {})}
        self._wanted_port = port
        self._pid_file = self.folder / "process.json"
        self._port_file = self.folder / "port"

    @property
    def port(self) -> int:
        """ServerError before the first start."""
        if not self._port_file.exists():
            raise ServerError(f"{self.folder} 里没有启动过 PostgreSQL · no PostgreSQL was started in {self.folder}")
        return int(self._port_file.read_text(encoding="utf-8"))

    @property
    def password(self) -> str:
        return (self.folder / "password").read_text(encoding="utf-8").strip()

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def process(self) -> Process | None:
        """The postmaster, while it runs."""
        return remembered(self._pid_file)

    def url(self, database: str = ROLE, user: str = ROLE) -> str:
        """`postgresql://user:password@127.0.0.1:port/database`. ServerError before the first start."""
        place = f"{LOOPBACK}:{self.port}/{database}"
        return f"postgresql://{user}:{quote(self.password, safe='')}@{place}"

    def start(self) -> None:
        """Make the cluster if there is none, start it unless it runs, wait until it answers.

        ServerError when the programs are missing, the folder can't be used, the server does not come up or runs at
        another port than the wanted one.
        """
        program("postgres")
        with alone(self.folder):
            process = self.process
            if process is None:
                lay_out(self.folder, synced=self.settings.get("fsync") != "off")
                process = self._launch()
            self._wait_ready(process)

    def stop(self) -> None:
        """End it in order: connections are cut, nothing that was committed is lost."""
        self.resume()
        if process := self.process:
            process.send(signal.SIGINT)
            if not process.wait(STOP_SECONDS):
                raise ServerError(f"PostgreSQL 没有停下 · PostgreSQL (pid {process.pid}) does not stop: see {self.log}")
        self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Pull the plug: SIGKILL for the server and every process of it."""
        if process := self.process:
            process.send(signal.SIGSTOP)  # it can't make another one meanwhile
            ended = [*process.children(), process]
            for one in ended:
                one.send(signal.SIGKILL)
            if not all(one.wait(STOP_SECONDS) for one in ended):
                raise ServerError(f"PostgreSQL 杀不掉 · PostgreSQL (pid {process.pid}) can't be killed")

    def restart(self) -> None:
        """Stop it if it runs, and start it at the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let every process of it stand still, connections open."""
        if process := self.process:
            for one in (process, *process.children()):
                one.send(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after `pause`."""
        if process := self.process:
            for one in (*process.children(), process):
                one.send(signal.SIGCONT)

    def execute(self, script: str, database: str = "postgres", **environment: str) -> str:
        """What psql prints for the script, run by the superuser. ServerError with the first complaint."""
        place = ["-h", LOOPBACK, "-p", str(self.port), "-U", SUPERUSER, "-d", database]
        command = [program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", *place]
        told = {**plain_environment(), **environment, "PGPASSWORD": self.password}
        done = subprocess.run(command, input=script, env=told, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise ServerError(f"PostgreSQL 不接受设置 · PostgreSQL refuses: {done.stderr.strip()}")
        return done.stdout

    def _launch(self) -> Process:
        port = self._wanted_port or (self.port if self._port_file.exists() else free_port())
        settings = {**self.settings, **self._encryption(), "port": str(port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [program("postgres"), "-D", str(self.folder / "data"), *options]
        self.log.touch()
        own(self.log)
        process = spawn(command, self.log, user=server_user(), folder=Path("/"), environment=plain_environment())
        remember(process, self._pid_file)
        self._port_file.write_text(str(port), encoding="utf-8")
        return process

    def _wait_ready(self, process: Process) -> None:
        """Then see to the role and its database: a start that broke off may have left them out."""
        if self._wanted_port not in (None, self.port):
            raise ServerError(
                f"PostgreSQL 已在端口 {self.port} 运行 · PostgreSQL runs already, at the port {self.port}"
            )
        within(START_SECONDS, lambda: self._takes_connections(process) or not process.alive)
        if not self._takes_connections(process):
            process.send(signal.SIGINT)
            raise ServerError(f"PostgreSQL 没有启动 · PostgreSQL did not start; {self.log} ends with\n{tail(self.log)}")
        self.execute(SET_UP.read_text(encoding="utf-8"), BIZENV_DATABASE_PASSWORD=self.password)

    def _encryption(self) -> dict[str, str]:
        """A copy of the identity that the server may read and nobody else."""
        if self._identity is None:
            return {}
        copy = self.folder / "identity.pem"
        shutil.copyfile(self._identity, copy)
        own(copy)
        return {"ssl": "on", "ssl_cert_file": str(copy), "ssl_key_file": str(copy)}

    def _takes_connections(self, process: Process) -> bool:
        """As it says itself in its first and eighth line: at the port, another server could answer."""
        file = self.folder / "data" / "postmaster.pid"
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return False
        ready = len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"
        return ready and process.alive


def main() -> int:
    parser = argparse.ArgumentParser(description="An own PostgreSQL on this machine.")
    parser.add_argument("action", choices=("start", "stop", "url"))
    parser.add_argument("--folder", type=Path, required=True, help="where its data, log and password are")
    parser.add_argument("--port", type=int, help="at the first start a free one, later the former one")
    arguments = parser.parse_args()
    server = PostgresServer(arguments.folder, arguments.port)
    try:
        if arguments.action == "url":
            print(server.url())
        else:
            server.start() if arguments.action == "start" else server.stop()
            _say(arguments.action, server)
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _say(action: str, server: PostgresServer) -> None:
    if action == "start":
        print(f"PostgreSQL 已启动 · PostgreSQL answers at {LOOPBACK}:{server.port}, database {ROLE}")
    else:
        print("PostgreSQL 已停止 · PostgreSQL is stopped")


if __name__ == "__main__":
    sys.exit(main())
