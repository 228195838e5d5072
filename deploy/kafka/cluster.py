"""One or three brokers that make a cluster: laid out in a folder, formatted, started together."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template

from deploy.kafka import jars
from deploy.kafka.broker import JVM, Broker, Ports
from deploy.processes import LOOPBACK, ServerError, alone, free_port

HEAP_MEGABYTES = {1: 512, 3: 384}


@dataclass(frozen=True)
class Security:
    """How clients come in: Kafka's name for it, and what it takes.

    `identity` is a PEM file with the private key (PKCS #8) and its certificate, `authority` one with the certificate
    of who signed it; a client's own certificate is not asked for. `rights_asked`: what no ACL allows is refused, but
    to whoever comes by the port of the brokers themselves.
    """

    protocol: str = "PLAINTEXT"
    user: str = ""
    password: str = ""
    identity: Path | None = None
    authority: Path | None = None
    rights_asked: bool = False

    def settings(self) -> dict[str, str]:
        """The broker's settings for its listener CLIENT."""
        told: dict[str, str] = {}
        if self.protocol.startswith("SASL_"):
            login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            told["listener.name.client.sasl.enabled.mechanisms"] = "SCRAM-SHA-512"
            told["listener.name.client.scram-sha-512.sasl.jaas.config"] = login
        if self.protocol.endswith("SSL"):
            for store, file in (("keystore", self.identity), ("truststore", self.authority)):
                told[f"listener.name.client.ssl.{store}.type"] = "PEM"
                told[f"listener.name.client.ssl.{store}.location"] = str(file)
        if self.rights_asked:
            told["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            told["super.users"] = "User:ANONYMOUS"  # nobody logs in at INTERNAL and CONTROLLER
        return told


class KafkaServer:
    """One or three brokers in a folder. How many, their ports and their security are settled at the first start."""

    def __init__(
        self,
        folder: Path,
        brokers: int | None = None,
        ports: Sequence[int] = (),
        *,
        quick: bool = False,
        security: Security | None = None,
        jvm_options: Sequence[str] = (),
    ) -> None:
        """`ports`: one for the clients of each broker, else free ones. `quick`: the timing of quick.properties."""
        if brokers not in (None, *HEAP_MEGABYTES):
            raise ServerError(f"Kafka 只能是 1 个或 3 个节点 · Kafka takes one or three brokers, not {brokers}")
        self.folder = folder.resolve()
        self.security = security or Security()
        self._count = brokers
        self._ports = ports
        self._quick = quick
        self._jvm_options = jvm_options
        self._layout = self.folder / "cluster.json"

    @property
    def brokers(self) -> list[Broker]:
        """In order of their node ids, which begin with 1. ServerError before the first start."""
        if not self._layout.exists():
            raise ServerError(f"{self.folder} 里没有启动过 Kafka · no Kafka was started in {self.folder}")
        laid_out = json.loads(self._layout.read_text(encoding="utf-8"))["brokers"]
        return self._brokers([Ports(**ports) for ports in laid_out])

    @property
    def servers(self) -> str:
        """The addresses that clients begin with: `127.0.0.1:port,…`."""
        return ",".join(broker.address for broker in self.brokers)

    def start(self) -> None:
        """Make the cluster if there is none, start what does not run, wait until all see each other.

        ServerError when Java or the jars are missing or a broker does not come up.
        """
        jars.java()
        jars.classpath()
        with alone(self.folder):
            if not self._layout.exists():
                self._make()
            self._check_layout()
            for broker in self.brokers:
                broker.start()
        for broker in self.brokers:
            broker.wait_ready([one.node for one in self.brokers])

    def stop(self) -> None:
        """End all brokers in order, all at once: the last alone would find no controller to sign off from."""
        for broker in self._made():
            broker.ask_to_stop()
        for broker in self._made():
            broker.stop()

    def kill(self) -> None:
        """Pull the plug of all brokers."""
        for broker in self._made():
            broker.kill()

    def restart(self) -> None:
        """Stop what runs, and start all at the same ports."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Let all brokers stand still."""
        for broker in self.brokers:
            broker.pause()

    def resume(self) -> None:
        """Go on after `pause`."""
        for broker in self.brokers:
            broker.resume()

    def _made(self) -> list[Broker]:
        return self.brokers if self._layout.exists() else []

    def _brokers(self, laid_out: Sequence[Ports]) -> list[Broker]:
        options = [f"-Xmx{HEAP_MEGABYTES[len(laid_out)]}m", *jars.shared_classes(), *self._jvm_options]
        return [Broker(self.folder / f"broker-{node}", node, ports, options) for node, ports in enumerate(laid_out, 1)]

    def _check_layout(self) -> None:
        clients = [broker.ports.client for broker in self.brokers]
        if self._count not in (None, len(clients)) or list(self._ports) != clients[: len(self._ports)]:
            raise ServerError(
                f"{self.folder} 里的 Kafka 已另有安排 · the Kafka in {self.folder} is laid out otherwise: "
                f"{len(clients)} brokers, at the ports {clients}"
            )

    def _make(self) -> None:
        """The layout is written last: a broken attempt is made anew."""
        wanted = [*self._ports, *(free_port() for _ in range((self._count or 1) - len(self._ports)))]
        laid_out = [Ports(port, free_port(), free_port()) for port in wanted]
        cluster = base64.urlsafe_b64encode(b"\x01" + secrets.token_bytes(15)).decode().rstrip("=")
        for broker in self._brokers(laid_out):
            shutil.rmtree(broker.folder, ignore_errors=True)
            broker.folder.mkdir(parents=True)
            self._write_settings(broker, laid_out)
        self._format(self._brokers(laid_out), cluster)
        draft = self._layout.with_suffix(".draft")
        draft.write_text(json.dumps({"cluster": cluster, "brokers": [vars(ports) for ports in laid_out]}), "utf-8")
        draft.replace(self._layout)

    def _write_settings(self, broker: Broker, laid_out: Sequence[Ports]) -> None:
        """The template's, then the quick ones, then those of the security."""
        told = Template((jars.HERE / "server.properties").read_text(encoding="utf-8")).substitute(
            vars(broker.ports),
            node=broker.node,
            voters=",".join(f"{node}@{LOOPBACK}:{ports.controller}" for node, ports in enumerate(laid_out, 1)),
            data=broker.folder / "data",
            protocol=self.security.protocol,
            replicas=len(laid_out),
            in_sync=2 if len(laid_out) > 1 else 1,
        )
        if self._quick:
            told += (jars.HERE / "quick.properties").read_text(encoding="utf-8")
        told += "".join(f"{name}={value}\n" for name, value in self.security.settings().items())
        broker.settings.write_text(told, encoding="utf-8")

    def _format(self, brokers: Sequence[Broker], cluster: str) -> None:
        """All at once: each takes Java's start and little more."""
        with ExitStack() as running:
            for formatting in [running.enter_context(self._formatting(broker, cluster)) for broker in brokers]:
                told, _ = formatting.communicate()
                if formatting.returncode:
                    raise ServerError(f"Kafka 的存储没有建成 · Kafka's storage could not be made:\n{told}")

    def _formatting(self, broker: Broker, cluster: str) -> subprocess.Popen[str]:
        command = [jars.java(), *JVM, *jars.shared_classes(), "-cp", jars.classpath()]
        command += ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(broker.settings)]
        if self.security.user:
            told = f"SCRAM-SHA-512=[name={self.security.user},password={self.security.password}]"
            command += ["--add-scram", told]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
