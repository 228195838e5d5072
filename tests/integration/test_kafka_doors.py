"""Every way into Kafka that a city may be told of: TLS alone, a certificate of one's own, a password by each mechanism.
One broker has a port for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from deploy.kafka.broker import Broker, Ports
from deploy.processes import LOOPBACK, free_port
from services.chassis.kafka.access import KafkaAccess
from tests.certificates import Authority
from tests.kafka_entry import refusal, require_flow
from tests.servers import Kafka, folder_for

SECONDS = 20
USER, PASSWORD = "bizenv", "right"
PROTOCOLS = {"LOGIN": "SASL_SSL", "OPEN": "SASL_PLAINTEXT", "TLS": "SSL", "MUTUAL": "SSL"}
PLAIN_LOGIN = (
    f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}" ;'  # as JAAS has it
)
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


class Doors(Kafka):
    """A broker with a listener for each protocol beside the open one."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder, quick=True)
        self.ports = {name: free_port() for name in PROTOCOLS}
        self._authority = authority
        self._identity = authority.identity("broker")

    def _write_settings(self, broker: Broker, laid_out: Sequence[Ports]) -> None:
        super()._write_settings(broker, laid_out)
        settings = broker.settings.read_text(encoding="utf-8").splitlines()
        broker.settings.write_text("\n".join([*map(self._widened, settings), *self._doors(), ""]), encoding="utf-8")

    def _widened(self, line: str) -> str:
        name = line.partition("=")[0]
        if name in ("listeners", "advertised.listeners"):
            return ",".join([line, *(f"{door}://{LOOPBACK}:{port}" for door, port in self.ports.items())])
        if name == "listener.security.protocol.map":
            return ",".join([line, *(f"{door}:{protocol}" for door, protocol in PROTOCOLS.items())])
        return line

    def _doors(self) -> Iterator[str]:
        for door, protocol in PROTOCOLS.items():
            own = f"listener.name.{door.lower()}"
            if protocol.endswith("SSL"):
                yield f"{own}.ssl.keystore.type=PEM"
                yield f"{own}.ssl.keystore.location={self._identity}"
                yield f"{own}.ssl.truststore.type=PEM"
                yield f"{own}.ssl.truststore.location={self._authority.certificate}"
            if protocol.startswith("SASL"):
                yield f"{own}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256"
                yield f"{own}.plain.sasl.jaas.config={PLAIN_LOGIN}"
                yield f"{own}.scram-sha-256.sasl.jaas.config={SCRAM_LOGIN}"
        yield "listener.name.mutual.ssl.client.auth=required"

    def let_in(self) -> None:
        """Our user by SCRAM; by PLAIN the broker's settings know it."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
        admin = AdminClient({"bootstrap.servers": self.servers})
        for made in admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, info, PASSWORD.encode())]
        ).values():
            made.result(SECONDS)


class Way(NamedTuple):
    """One way in."""

    door: str
    mechanism: str | None = None
    certificate: bool = False


WAYS = (
    *(Way("LOGIN", "PLAIN"), Way("LOGIN", "SCRAM-SHA-256"), Way("OPEN", "PLAIN"), Way("OPEN", "SCRAM-SHA-256")),
    *(Way("TLS"), Way("MUTUAL", certificate=True)),
)


@pytest.fixture(scope="module")
def doors(authority: Authority) -> Iterator[Doors]:
    with folder_for("doors") as folder:
        server = Doors(folder, authority)
        try:
            server.start()
            server.let_in()
            yield server
        finally:
            server.kill()


def key(doors: Doors, authority: Authority, way: Way, **other: Any) -> KafkaAccess:
    protocol = PROTOCOLS[way.door]
    told: dict[str, Any] = {"security": protocol}
    told |= {"ca_file": authority.certificate} if protocol.endswith("SSL") else {}
    told |= {"mechanism": way.mechanism, "user": USER, "password": PASSWORD} if way.mechanism else {}
    told |= {"certificate_file": authority.identity("client")} if way.certificate else {}
    return KafkaAccess(servers=(f"{LOOPBACK}:{doors.ports[way.door]}",), **{**told, **other})


@pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(filter(None, (way.door, way.mechanism))))
def test_events_come_through_each_door(doors: Doors, authority: Authority, tmp_path: Path, way: Way) -> None:
    require_flow(doors, key(doors, authority, way), tmp_path)


@pytest.mark.parametrize("way", [way for way in WAYS if way.mechanism], ids=lambda way: f"{way.door}-{way.mechanism}")
def test_wrong_passwords_are_refused_by_each_mechanism(doors: Doors, authority: Authority, way: Way) -> None:
    assert f"refuses the user {USER} or the password" in refusal(key(doors, authority, way, password="wrong"))


def test_who_has_no_certificate_or_a_strangers_is_told_so(doors: Doors, authority: Authority, tmp_path: Path) -> None:
    mutual = Way("MUTUAL", certificate=True)
    sentence = "does not accept our certificate, or wants one"
    assert sentence in refusal(key(doors, authority, mutual, certificate_file=None))
    stranger = Authority(tmp_path).identity("stranger")
    assert sentence in refusal(key(doors, authority, mutual, certificate_file=stranger))
