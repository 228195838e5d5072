"""A door with a certificate and those who ask it: over TLS all is as before, and who differs about it is told so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog

from services.chassis.errors import Unavailable
from services.chassis.grpc_server import GrpcDoor
from services.chassis.peers import Channels, RemoteGateway
from services.chassis.settings import Settings
from services.chassis.settings.tls import peers_roots
from tests.certificates import Authority
from tests.contract.doors import CONTRACTS, VERIFIER, FakeFeed, FakeGateway
from tests.contract.sample import SERVICE, GetWork
from tests.contract.test_peers import REGISTER, call

pytestmark = pytest.mark.asyncio


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def sealed(authority: Authority) -> Settings:
    """The settings of a door with a certificate: a file with key and certificate may be given for both."""
    file = str(authority.identity())
    return Settings.load({"BIZENV_GRPC_CERTIFICATE_FILE": file, "BIZENV_GRPC_KEY_FILE": file, "BIZENV_GRPC_PORT": "0"})


def roots_of(authority: Authority) -> bytes | None:
    given = {"BIZENV_PEERS": "sample_works=127.0.0.1:1", "BIZENV_PEERS_CA_FILE": str(authority.certificate)}
    return peers_roots(Settings.load(given))


@asynccontextmanager
async def asking(
    settings: Settings, roots: bytes | None, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[RemoteGateway, FakeGateway]]:
    """A peer with these settings, and a gateway that trusts these roots."""
    gateway = FakeGateway()
    door = GrpcDoor([SERVICE], gateway, VERIFIER, FakeFeed(0), settings)
    await door.start()
    channels = Channels({SERVICE.name: [f"{host}:{door.port}"]}, roots)
    try:
        yield RemoteGateway([SERVICE], channels, CONTRACTS), gateway
    finally:
        await channels.close()
        await door.stop(0)


async def refusal(settings: Settings, roots: bytes | None) -> str:
    async with asking(settings, roots) as (there, gateway):
        with pytest.raises(Unavailable) as refused:
            await there.ask(GetWork(work_id="w"), call())
        assert gateway.queries == []
    return refused.value.english


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_command_goes_over_tls_by_address_and_by_name(authority: Authority, host: str) -> None:
    async with asking(sealed(authority), roots_of(authority), host) as (there, gateway):
        receipt = await there.execute(REGISTER, call())
        assert receipt.command_id in gateway.done


async def test_a_certificate_that_another_authority_signed_is_refused(authority: Authority, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    said = await refusal(sealed(authority), roots_of(Authority(tmp_path / "other")))
    assert "sample_works shows a certificate that is not trusted: check BIZENV_PEERS_CA_FILE" in said


async def test_a_caller_in_plain_text_is_told_of_tls(authority: Authority) -> None:
    said = await refusal(sealed(authority), None)
    assert "ends connections in plain text: if it speaks TLS, set BIZENV_PEERS_CA_FILE here" in said


async def test_a_door_in_plain_text_is_named(authority: Authority) -> None:
    said = await refusal(Settings(grpc_port=0), roots_of(authority))
    assert "does not speak TLS: set its BIZENV_GRPC_CERTIFICATE_FILE" in said


async def test_a_command_that_met_no_tls_may_be_repeated(authority: Authority) -> None:
    async with asking(sealed(authority), None) as (there, _):
        with pytest.raises(Unavailable, match="repeat it with the same id"):
            await there.execute(REGISTER, call())


async def test_plain_text_to_another_machine_is_told_in_the_log(authority: Authority) -> None:
    with structlog.testing.capture_logs() as told:
        Channels({"one": ["10.0.0.1:50051"], "two": ["localhost:50051"], "three": ["[::1]:50051"]})
        Channels({"one": ["10.0.0.1:50051"]}, roots_of(authority))
    assert [(each["event"], each["services"]) for each in told] == [("peers_in_plain_text", ["one"])]


async def test_a_door_in_plain_text_for_others_is_told_in_the_log(authority: Authority) -> None:
    with structlog.testing.capture_logs() as told:
        for settings in (Settings(grpc_port=0, grpc_host="0.0.0.0"), Settings(grpc_port=0), sealed(authority)):
            door = GrpcDoor([SERVICE], FakeGateway(), VERIFIER, FakeFeed(0), settings)
            await door.listen()
            await door.stop(0)
    assert [each["event"] for each in told] == ["grpc_in_plain_text"]
