"""How a process reaches Kafka: addresses, who it is, whom it trusts; and the library's settings for that."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any, Literal

import msgspec

Security = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]


class AccessUnusable(ValueError):
    """What was set for Kafka can't be used; the sentence says what to change."""


class KafkaAccess(msgspec.Struct, frozen=True, kw_only=True):
    """Where the brokers are and how they let us in. Shown without its password."""

    servers: tuple[str, ...]
    """`host:port` each; one that answers is enough to find the others."""
    security: Security = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    """Whom to trust; the system's authorities when unset."""
    certificate_file: Path | None = None
    key_file: Path | None = None
    """Of `certificate_file`; unset: it holds the key as well."""

    def __post_init__(self) -> None:
        for server in self.servers:
            require_address(server)
        if self.by_password and not (self.user and self.password):
            raise AccessUnusable(
                f"{self.security} 需要用户名和密码 · {self.security} needs a user and a password for Kafka"
            )

    def __repr__(self) -> str:
        return f"KafkaAccess({', '.join(self.servers)}, {self.security}, user={self.user})"

    @property
    def encrypted(self) -> bool:
        return self.security.endswith("SSL")

    @property
    def by_password(self) -> bool:
        return self.security.startswith("SASL")

    def settings(self) -> dict[str, Any]:
        """What every client of the library is told; raises AccessUnusable for a file that can't be used."""
        found: dict[str, Any] = {"bootstrap_servers": list(self.servers), "security_protocol": self.security}
        if self.encrypted:
            found["ssl_context"] = self.ssl_context()
        if self.by_password:
            found["sasl_mechanism"] = self.mechanism
            found["sasl_plain_username"] = self.user
            found["sasl_plain_password"] = self.password
        return found

    def ssl_context(self) -> ssl.SSLContext:
        """TLS 1.2 or later, the broker's name checked; raises AccessUnusable."""
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        file = self.ca_file
        try:
            if file is not None:
                context = ssl.create_default_context(cafile=file)
            if (file := self.certificate_file) is not None:
                context.load_cert_chain(file, self.key_file)
        except OSError as error:  # SSLError is one
            raise AccessUnusable(f"无法使用证书文件 {file} · can't use the file {file} for Kafka: {error}") from error
        return context


def require_address(server: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[address]:port`; raises AccessUnusable."""
    host, _, port = server.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise AccessUnusable(f"Kafka 地址 {server} 应为 主机:端口 · the Kafka address {server} should be host:port")
    return host, int(port)
