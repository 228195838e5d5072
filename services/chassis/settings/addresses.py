"""Addresses as settings have them: of a database, of brokers, of other processes. What is wrong is said in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import parse_qsl, unquote, urlsplit

from services.chassis.settings.rules import Words

DATABASE_OPTIONS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "channel_binding", "connect_timeout", "application_name"}
)
"""What may stand behind the `?` of a database's address: nothing secret."""

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])"
_ADDRESS = re.compile(rf"({_HOST}):([0-9]{{1,5}})")
_DATABASE = re.compile(rf"postgresql://(?:[^\s@/?#:]+@)?{_HOST}(?::[0-9]{{1,5}})?/[^\s/?#]+(?:\?[^\s#]+)?")
_SERVICE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_HIGHEST_PORT = 65535
_FORM = Words(
    "应为 postgresql://主机:端口/库名,可带 用户@ 和 ?sslmode=…",
    "postgresql://host:port/name, with user@ and ?sslmode=… if wanted",
)


def is_address(text: str) -> bool:
    """Whether it is `host:port`; an IPv6 address stands in brackets."""
    found = _ADDRESS.fullmatch(text)
    return found is not None and 1 <= int(found[2]) <= _HIGHEST_PORT


def is_loopback(host: str) -> bool:
    """Whether it is this machine itself, as far as the name tells."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def addresses_flaw(text: str) -> Words | None:
    """What is wrong with `host:port,host:port`; None: nothing."""
    for part in text.split(","):
        if not is_address(part):
            return Words(
                f"{_shown(part)} 不是 主机:端口", f"{_shown(part)} is not host:port, with a port from 1 to 65535"
            )
    return None


def database_flaw(text: str) -> Words | None:
    """What is wrong with a database's address; None: nothing. A password in it is refused: addresses are shown."""
    try:
        parts = urlsplit(text)
        password, options = parts.password, dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError:
        return _FORM
    if password is not None or "password" in options:
        return Words(
            "口令不得写在地址里,请放入 BIZENV_DATABASE_PASSWORD",
            "a password does not belong into the address but into BIZENV_DATABASE_PASSWORD",
        )
    if not _DATABASE.fullmatch(text) or not _port_fits(text) or len(unquote(parts.path)) > 64:
        return _FORM
    if not unquote(text).isprintable():  # PostgreSQL's library would read on behind it, or no further
        return Words("不得含有控制字符,也不得以 %00 之类写出", "no control characters, nor such as are written as %00")
    for name in options:
        if name not in DATABASE_OPTIONS:
            known = ", ".join(sorted(DATABASE_OPTIONS))
            shown = _shown(name)
            return Words(f"不认识参数 {shown},只可用 {known}", f"the option {shown} is not known; there are {known}")
    if (mode := options.get("sslmode", SSL_MODES[0])) not in SSL_MODES:
        known = ", ".join(SSL_MODES)
        return Words(f"sslmode={_shown(mode)} 应为 {known} 之一", f"sslmode={_shown(mode)} is none of {known}")
    return None


def _port_fits(address: str) -> bool:
    try:
        return urlsplit(address).port != 0
    except ValueError:
        return False


def peers_flaw(text: str) -> Words | None:
    """What is wrong with `service=host:port,…`; None: nothing."""
    for part in text.split(","):
        name, _, address = part.partition("=")
        if not _SERVICE.fullmatch(name) or not is_address(address):
            shown = _shown(part)
            return Words(
                f"{shown} 不是 服务名=主机:端口", f"{shown} is not service=host:port, with a port from 1 to 65535"
            )
    for name, found in peers_in(text).items():
        versions = {_version(address) for address in found}
        if len(found) > 1 and (None in versions or len(versions) > 1):
            return Words(
                f"{name} 有多个地址时应全为 IPv4 或全为 IPv6 地址,或只用一个可解析为多个地址的主机名",
                f"several addresses of {name} must all be IPv4 or all be IPv6; "
                "or give one host name that stands for them all",
            )
    return None


def _version(address: str) -> int | None:
    """Of an IP address its version; None: a host's name."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).version
    except ValueError:
        return None


def peers_in(text: str) -> Mapping[str, tuple[str, ...]]:
    """Per service, the addresses in `service=host:port,…`; a service named twice has two. Empty for an empty text."""
    found: dict[str, tuple[str, ...]] = {}
    for part in filter(None, text.split(",")):
        name, _, address = part.partition("=")
        found[name] = (*found.get(name, ()), address)
    return found


_PASSWORDS = (re.compile(r"(?s)^([A-Za-z0-9+.]*://)?([^:@/]*):.*@"), re.compile(r"((?:\A|[?&])\w*password=)[^&\s]*"))


def _shown(part: str) -> str:
    return repr(without_secrets(part))[:100]


def without_secrets(text: str) -> str:
    """A refused value as it may be shown: what looks like the password of an address is left out."""
    shown = _PASSWORDS[0].sub(r"\1\2:…@", text)
    return _PASSWORDS[1].sub(r"\1…", shown)
