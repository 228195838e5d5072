"""Tamper evidence: a Merkle log over a store's events, signed heads that are published, and the audit of both."""

from services.chassis.truth.audit import verify
from services.chassis.truth.findings import AuditReport, Code, Finding, Restore
from services.chassis.truth.heads import Head
from services.chassis.truth.log import MerkleLog
from services.chassis.truth.published import LogBroken, read_public_key

__all__ = [
    "AuditReport",
    "Code",
    "Finding",
    "Head",
    "LogBroken",
    "MerkleLog",
    "Restore",
    "read_public_key",
    "verify",
]
