"""Signed tree heads: what the log held at a moment, vouched for with the store's own key.

Format `bizenv.tree-head.v1`. The signed bytes are `encoding.pack` of: that text, store_id, service, kind, programme,
created_at, partitions, epoch, size, position, root (32 bytes), previous (32 bytes), signed_at, key_id; the signature
is Ed25519 over them. A published head is one line of JSON with the fields of `Head` in their order, hashes and
signature in lower-case hex.

`previous` is the SHA-256 of the signed bytes of the head published before (32 zero bytes for the first), so that no
head can be taken out of the row. The fields from store_id to partitions bind what a store says of itself.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from services.chassis.event_store.model import StoreInfo
from services.chassis.truth.encoding import pack
from services.chassis.truth.merkle import HASH_BYTES

FORMAT = "bizenv.tree-head.v1"
FIRST_PREVIOUS = bytes(HASH_BYTES)

BOUND = ("store_id", "service", "kind", "programme", "created_at", "partitions")
"""What a store says of itself that never changes."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The store that a head speaks of: what never changes in its StoreInfo."""

    store_id: str
    service: str
    kind: str
    programme: str
    created_at: str
    partitions: int

    @classmethod
    def of(cls, info: StoreInfo) -> Identity:
        return cls(
            store_id=info.store_id,
            service=info.service,
            kind=str(info.kind),
            programme=info.programme,
            created_at=info.created_at,
            partitions=info.partitions,
        )


class Head(Identity, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed tree head. `size` leaves, the last of them the event at `position` (the two are equal: positions
    have no holes); `signed_at` is real time, microseconds since 1970 UTC; hashes and signature are hex."""

    epoch: int
    size: int
    position: int
    root: str
    previous: str
    signed_at: int
    key_id: str
    signature: str = ""

    def signed_bytes(self) -> bytes:
        """What the signature covers. Raises ValueError when root or previous is not hex."""
        return pack(
            FORMAT,
            self.store_id,
            self.service,
            self.kind,
            self.programme,
            self.created_at,
            self.partitions,
            self.epoch,
            self.size,
            self.position,
            bytes.fromhex(self.root),
            bytes.fromhex(self.previous),
            self.signed_at,
            self.key_id,
        )

    @property
    def digest(self) -> bytes:
        """What the next head names as its `previous`."""
        return sha256(self.signed_bytes()).digest()

    @property
    def identity(self) -> Identity:
        return Identity(**{name: getattr(self, name) for name in BOUND})

    def line(self) -> bytes:
        """The head as published: one line of JSON, with its end."""
        return msgspec.json.encode(self) + b"\n"

    def is_signed_by(self, key: Ed25519PublicKey) -> bool:
        """Whether the signature is good. Says nothing of the root: that takes the events."""
        try:
            key.verify(bytes.fromhex(self.signature), self.signed_bytes())
        except (InvalidSignature, ValueError):
            return False
        return True


def key_id(key: Ed25519PublicKey) -> str:
    """The name of a key: the first 16 hex digits of the SHA-256 of its 32 raw bytes."""
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(draft: Head, key: Ed25519PrivateKey) -> Head:
    """The head with its signature (its key_id must be that of the key)."""
    return msgspec.structs.replace(draft, signature=key.sign(draft.signed_bytes()).hex())


def parse_line(line: bytes) -> Head | None:
    """The head in a published line; None unless it is, byte for byte, a line that `Head.line` writes."""
    try:
        head = msgspec.json.decode(line, type=Head)
        head.signed_bytes()
        return head if head.line() == line else None
    except (msgspec.DecodeError, ValueError):
        return None
