"""Tamper evidence: a Merkle log over a store's events, signed heads that are published, and the audit of both."""
