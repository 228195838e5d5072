"""Why no connection to a peer came about, as far as gRPC's words tell: a door and its caller that differ about TLS."""

from __future__ import annotations

from typing import NamedTuple


class Trouble(NamedTuple):
    """Follows the name of the peer in a sentence."""

    chinese: str
    english: str


_UNTRUSTED = Trouble(
    "的证书不可信,请检查 BIZENV_PEERS_CA_FILE 以及证书所写的主机名",
    "shows a certificate that is not trusted: check BIZENV_PEERS_CA_FILE and the host names in the certificate",
)
_NOT_TLS = Trouble(
    "不使用 TLS,请为其设置 BIZENV_GRPC_CERTIFICATE_FILE,或在此去掉 BIZENV_PEERS_CA_FILE",
    "does not speak TLS: set its BIZENV_GRPC_CERTIFICATE_FILE, or unset BIZENV_PEERS_CA_FILE here",
)
_NOT_PLAIN = Trouble(
    "拒绝明文连接;若其使用 TLS,请在此设置 BIZENV_PEERS_CA_FILE",
    "ends connections in plain text: if it speaks TLS, set BIZENV_PEERS_CA_FILE here",
)
_TOLD = (
    (("CERTIFICATE_VERIFY_FAILED",), _UNTRUSTED),
    (("Hostname Verification",), _UNTRUSTED),
    (("WRONG_VERSION_NUMBER",), _NOT_TLS),
    (("all backends failing", "Socket closed"), _NOT_PLAIN),
)
"""gRPC's words, which are no part of its interface: `tests/contract/test_peers_tls.py` notices when they change."""


def trouble_in(details: str | None) -> Trouble | None:
    """What a status' details say of it; None: nothing."""
    given = details or ""
    return next((trouble for words, trouble in _TOLD if all(word in given for word in words)), None)
