"""The certificates of the gRPC door and of those who ask it, read and tried before anything is opened with them."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from services.chassis.settings.environment import refuse
from services.chassis.settings.rules import Words

if TYPE_CHECKING:
    from services.chassis.settings.declared import Settings

_PAIR = Words(
    "应为 PEM 证书,且与 BIZENV_GRPC_KEY_FILE 的私钥(不加密)相配",
    "a PEM certificate that goes with the private key in BIZENV_GRPC_KEY_FILE, which is not encrypted",
)
_ROOTS = Words("应含至少一个 PEM 证书", "at least one PEM certificate")


class Identity(NamedTuple):
    """A door's private key and its certificate with those that lead to the root, in PEM."""

    key: bytes
    chain: bytes


def door_identity(settings: Settings) -> Identity | None:
    """What the gRPC door shows of itself; None: it speaks plain text. Raises SettingsError where the files don't go
    together."""
    certificate, key = settings.grpc_certificate_file, settings.grpc_key_file
    if certificate is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    load = partial(context.load_cert_chain, certificate, key, _nothing)
    _try("BIZENV_GRPC_CERTIFICATE_FILE", certificate, _PAIR, load)
    return Identity(key.read_bytes(), certificate.read_bytes())


def peers_roots(settings: Settings) -> bytes | None:
    """The certificates that those of peers must be signed by; None: peers are spoken to in plain text. Raises
    SettingsError where the file has none."""
    file = settings.peers_ca_file
    if file is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _try("BIZENV_PEERS_CA_FILE", file, _ROOTS, partial(context.load_verify_locations, file))
    return file.read_bytes()


def require_kafka_roots(settings: Settings) -> None:
    """Raises SettingsError where the file that Kafka's certificates are to be held against has none."""
    file = settings.kafka_ca_file
    if file is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _try("BIZENV_KAFKA_CA_FILE", file, _ROOTS, partial(context.load_verify_locations, file))


def _try(variable: str, file: Path, rule: Words, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        refuse(variable, str(file), rule)


def _nothing() -> str:
    """In place of asking at the terminal for the password of an encrypted key."""
    return ""
