"""Tamper evidence: a Merkle log over a store's events, signed heads that are published, and the audit of both."""

from services.chassis.truth.audit import verify
from services.chassis.truth.findings import AuditReport, Code, Finding, Restore
from services.chassis.truth.heads import Head
from services.chassis.truth.log import MerkleLog
from services.chassis.truth.published import LogBroken, read_public_key
from services.chassis.truth.restore import epoch_after_restore, published_size, unknown_head

__all__ = [
    "AuditReport",
    "Code",
    "Finding",
    "Head",
    "LogBroken",
    "MerkleLog",
    "Restore",
    "epoch_after_restore",
    "published_size",
    "read_public_key",
    "unknown_head",
    "verify",
]
