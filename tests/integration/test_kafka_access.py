"""The door of Kafka: what is said when it stays shut, and that it opens with the right key."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.kafka.server import Security
from services.chassis.errors import Unavailable
from services.chassis.kafka.access import AccessUnusable, KafkaAccess
from services.chassis.kafka.connection import require_entry
from tests.certificates import Authority
from tests.kafka_entry import refusal, require_flow
from tests.servers import Kafka, kafka_server


@pytest.fixture(scope="module")
def guarded(authority: Authority) -> Iterator[Kafka]:
    """Wants TLS and a password."""
    with kafka_server(
        security=Security("SASL_SSL", "bizenv", "right", authority.identity(), authority.certificate)
    ) as made:
        yield made


def key_to(server: Kafka, authority: Authority, **other: Any) -> KafkaAccess:
    told: dict[str, Any] = {
        "security": "SASL_SSL",
        "user": "bizenv",
        "password": "right",
        "ca_file": authority.certificate,
        **other,
    }
    return KafkaAccess(servers=(server.servers,), **told)


def test_events_come_through_a_guarded_door(guarded: Kafka, authority: Authority, tmp_path: Path) -> None:
    require_flow(guarded, key_to(guarded, authority), tmp_path)


def test_wrong_passwords_and_users(guarded: Kafka, authority: Authority) -> None:
    assert "refuses the user bizenv or the password" in refusal(key_to(guarded, authority, password="wrong"))
    assert "refuses the user nobody or the password" in refusal(key_to(guarded, authority, user="nobody"))


def test_a_mechanism_that_is_not_offered(guarded: Kafka, authority: Authority) -> None:
    assert "takes no password by PLAIN on this port" in refusal(key_to(guarded, authority, mechanism="PLAIN"))


def test_an_authority_that_is_not_ours(guarded: Kafka, authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)
    assert "certificate that is not trusted" in refusal(key_to(guarded, authority, ca_file=stranger.certificate))
    assert "certificate that is not trusted" in refusal(key_to(guarded, authority, ca_file=None))


def test_plain_where_tls_is_wanted(guarded: Kafka, authority: Authority) -> None:
    assert "wants TLS on this port" in refusal(key_to(guarded, authority, security="SASL_PLAINTEXT"))
    assert "wants TLS on this port" in refusal(KafkaAccess(servers=(guarded.servers,)))


def test_no_password_where_one_is_wanted(guarded: Kafka, authority: Authority) -> None:
    access = KafkaAccess(servers=(guarded.servers,), security="SSL", ca_file=authority.certificate)
    assert "may want a user and a password" in refusal(access)


def test_tls_and_passwords_where_none_are_taken(kafka: Kafka, authority: Authority) -> None:
    tls = KafkaAccess(servers=(kafka.servers,), security="SSL", ca_file=authority.certificate)
    assert "does not take up TLS on this port" in refusal(tls)
    login = KafkaAccess(servers=(kafka.servers,), security="SASL_PLAINTEXT", user="bizenv", password="right")
    assert "takes no password by SCRAM-SHA-512" in refusal(login)


def test_a_port_where_nobody_is_and_a_host_that_is_not() -> None:
    assert "Connection refused" in refusal(KafkaAccess(servers=("127.0.0.1:1",)))
    assert "has no such host" in refusal(KafkaAccess(servers=("nobody.invalid:9092",)))


def test_something_else_that_listens() -> None:
    """It takes the call and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert "does not answer" in refusal(KafkaAccess(servers=(address,)))


def test_one_of_several_addresses_is_enough(kafka: Kafka) -> None:
    require_entry(KafkaAccess(servers=("127.0.0.1:1", kafka.servers)))


@pytest.mark.parametrize("server", ["", "host", "host:", ":9092", "host:0", "host:99999", "host:port"])
def test_addresses_are_host_and_port(server: str) -> None:
    with pytest.raises(AccessUnusable, match="should be host:port"):
        KafkaAccess(servers=(server,))


def test_a_password_goes_with_its_user_and_files_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(AccessUnusable, match="needs a user and a password"):
        KafkaAccess(servers=("h:1",), security="SASL_SSL", user="bizenv")
    with pytest.raises(Unavailable, match=r"can't use the file .*ca\.pem"):
        require_entry(KafkaAccess(servers=("127.0.0.1:1",), security="SSL", ca_file=tmp_path / "ca.pem"))
    (tmp_path / "key.pem").write_text("nothing")
    access = KafkaAccess(servers=("127.0.0.1:1",), security="SSL", certificate_file=tmp_path / "key.pem")
    with pytest.raises(AccessUnusable, match=r"can't use the file .*key\.pem"):
        access.settings()
