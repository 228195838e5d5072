"""A certificate authority of the test's own, and a server's identity for the loopback address signed by it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

LIFE = timedelta(days=1)


class Authority:
    """`certificate`: the PEM file that clients trust. Each authority has a name of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(f"test authority {uuid4().hex}")
        only_signs = x509.BasicConstraints(ca=True, path_length=0)
        self._own = _certificate(self._name, self._name, self._key, self._key, only_signs)
        self.certificate = folder / "authority.pem"
        self.certificate.write_bytes(_pem(self._own))

    def identity(self, name: str = "server") -> Path:
        """A PEM file with a new private key (PKCS #8) and its certificate for 127.0.0.1 and localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        places = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = _certificate(_name(name), self._name, key, self._key, places)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._folder / f"{name}.pem"
        file.write_bytes(private + _pem(certificate))
        return file


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    draft = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
    draft = draft.not_valid_before(now - LIFE).not_valid_after(now + LIFE)
    return draft.add_extension(extension, critical=False).sign(signer, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
