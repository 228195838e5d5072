"""The certificates of the gRPC door and of peers: what doesn't fit is refused when the settings are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.chassis.settings import Settings, SettingsError
from services.chassis.settings.addresses import is_loopback
from services.chassis.settings.tls import door_identity, peers_roots
from tests.certificates import Authority

PEERS = {"BIZENV_PEERS": "projection=host:50051"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        Settings.load(environ)
    assert " · " in str(refused.value)
    return str(refused.value)


def test_without_files_it_is_plain_text() -> None:
    assert (door_identity(Settings()), peers_roots(Settings())) == (None, None)


def test_the_files_are_read_as_they_are(authority: Authority) -> None:
    file = authority.identity()
    given = {"BIZENV_GRPC_CERTIFICATE_FILE": str(file), "BIZENV_GRPC_KEY_FILE": str(file)}
    found = Settings.load({**given, **PEERS, "BIZENV_PEERS_CA_FILE": str(authority.certificate)})
    assert door_identity(found) == (file.read_bytes(), file.read_bytes())
    assert peers_roots(found) == authority.certificate.read_bytes()


def test_certificate_and_key_come_together(authority: Authority) -> None:
    file = str(authority.identity())
    assert "BIZENV_GRPC_KEY_FILE must be set too" in refusal({"BIZENV_GRPC_CERTIFICATE_FILE": file})
    assert "BIZENV_GRPC_CERTIFICATE_FILE must be set too" in refusal({"BIZENV_GRPC_KEY_FILE": file})


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    one, other = str(authority.identity("one")), str(authority.identity("other"))
    said = refusal({"BIZENV_GRPC_CERTIFICATE_FILE": one, "BIZENV_GRPC_KEY_FILE": other})
    assert "goes with the private key in BIZENV_GRPC_KEY_FILE" in said


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "words.pem"
    file.write_text("nothing", encoding="utf-8")
    assert "at least one PEM certificate" in refusal({**PEERS, "BIZENV_PEERS_CA_FILE": str(file)})
    both = {"BIZENV_GRPC_CERTIFICATE_FILE": str(file), "BIZENV_GRPC_KEY_FILE": str(file)}
    assert "a PEM certificate that goes with" in refusal(both)
    missing = {**PEERS, "BIZENV_PEERS_CA_FILE": str(tmp_path / "none")}
    assert "there is no such file" in refusal(missing)


def test_peers_over_tls_need_one_name_to_be_held_against(authority: Authority) -> None:
    roots = {"BIZENV_PEERS_CA_FILE": str(authority.certificate)}
    assert "BIZENV_PEERS must be set too" in refusal(roots)
    several = {"BIZENV_PEERS": "projection=10.0.0.1:1,projection=10.0.0.2:1"}
    assert "takes one address of projection: a host name for them all" in refusal({**several, **roots})


@pytest.mark.parametrize(
    ("host", "ours"), [("localhost", True), ("127.0.0.9", True), ("[::1]", True), ("10.0.0.1", False), ("db", False)]
)
def test_which_hosts_are_this_machine(host: str, ours: bool) -> None:
    assert is_loopback(host) is ours
