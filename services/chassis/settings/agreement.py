"""What several settings must be together. Each alone was checked before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.chassis.settings.addresses import peers_in
from services.chassis.settings.environment import SettingsError, refuse
from services.chassis.settings.rules import Words
from services.chassis.settings.tls import door_identity, peers_roots, require_kafka_roots

if TYPE_CHECKING:
    from services.chassis.settings.declared import Settings

_OF_DATABASE = ("database_user", "database_password")
_OF_KAFKA = ("kafka_user", "kafka_password", "kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
_OF_TLS = ("kafka_ca_file", "kafka_certificate_file", "kafka_key_file")
_OF_GRPC = ("grpc_certificate_file", "grpc_key_file", "peers_ca_file")
_UNREADABLE = Words("文件不存在或不可读", "there is no such file, or it can't be read")


def require_agreement(settings: Settings) -> None:
    """Raises SettingsError with one sentence for the first that doesn't go with another or names no readable file."""
    for chinese, english in _disagreements(settings):
        raise SettingsError(f"{chinese} · {english}")
    for name in (*_OF_TLS, *_OF_GRPC):
        path: Path | None = getattr(settings, name)
        if path is not None and not _readable(path):
            refuse(_variable(name), str(path), _UNREADABLE)
    door_identity(settings)
    peers_roots(settings)
    require_kafka_roots(settings)


def _disagreements(settings: Settings) -> Iterator[tuple[str, str]]:
    for one, other in (("database", "kafka"), ("kafka", "database")):
        if getattr(settings, one) is not None and getattr(settings, other) is None:
            yield _needs(one, other)
    for names, owner in ((_OF_DATABASE, "database"), (_OF_KAFKA, "kafka")):
        if getattr(settings, owner) is None:
            yield from (_needs(name, owner) for name in names if getattr(settings, name) is not None)
    if settings.database_user is not None and urlsplit(settings.database or "").username is not None:
        english = "BIZENV_DATABASE names a user already, so BIZENV_DATABASE_USER must not be set"
        yield "BIZENV_DATABASE 中已有用户名,不能再设置 BIZENV_DATABASE_USER", english
    yield from _of_sasl(settings)
    yield from _of_tls(settings)
    yield from _of_grpc(settings)


def _of_sasl(settings: Settings) -> Iterator[tuple[str, str]]:
    sasl = settings.kafka_security.startswith("SASL_")
    for name in ("kafka_user", "kafka_password"):
        given = getattr(settings, name) is not None
        if sasl and not given:
            yield _with_security(settings, f"时须设置 {_variable(name)}", f"needs {_variable(name)}")
        elif given and not sasl:
            yield _with_security(settings, f"不使用 {_variable(name)}", f"makes no use of {_variable(name)}")


def _of_tls(settings: Settings) -> Iterator[tuple[str, str]]:
    if not settings.kafka_security.endswith("SSL"):
        for name in _OF_TLS:
            if getattr(settings, name) is not None:
                yield _with_security(settings, f"不使用 {_variable(name)}", f"makes no use of {_variable(name)}")
    for one, other in (("kafka_certificate_file", "kafka_key_file"), ("kafka_key_file", "kafka_certificate_file")):
        if getattr(settings, one) is not None and getattr(settings, other) is None:
            yield _needs(one, other)


def _of_grpc(settings: Settings) -> Iterator[tuple[str, str]]:
    for one, other in (("grpc_certificate_file", "grpc_key_file"), ("grpc_key_file", "grpc_certificate_file")):
        if getattr(settings, one) is not None and getattr(settings, other) is None:
            yield _needs(one, other)
    if settings.peers_ca_file is None:
        return
    if settings.peers is None:
        yield _needs("peers_ca_file", "peers")
    for name, found in peers_in(settings.peers or "").items():
        if len(found) > 1:  # gRPC holds a certificate against the name asked for, and there is none
            chinese = f"使用 BIZENV_PEERS_CA_FILE 时,BIZENV_PEERS 中 {name} 应只有一个地址;多个进程请用一个主机名代表"
            english = f"with BIZENV_PEERS_CA_FILE, BIZENV_PEERS takes one address of {name}: a host name for them all"
            yield chinese, english


def _needs(one: str, other: str) -> tuple[str, str]:
    chinese = f"设置了 {_variable(one)},还须设置 {_variable(other)}"
    return chinese, f"{_variable(one)} is set, so {_variable(other)} must be set too"


def _with_security(settings: Settings, chinese: str, english: str) -> tuple[str, str]:
    given = f"BIZENV_KAFKA_SECURITY={settings.kafka_security}"
    return f"{given} {chinese}", f"{given} {english}"


def _variable(name: str) -> str:
    return f"BIZENV_{name.upper()}"


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except (OSError, ValueError):
        return False
