"""Proofs for outsiders: made from the store, checked with nothing but the proof and the public key.

An inclusion proof shows that an event is under a published head. A consistency proof shows that what an older head
covered is unaltered under a newer one: whoever kept the older head needs nobody's word for it.
"""

from __future__ import annotations

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.errors import NotFound, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.truth import merkle
from services.chassis.truth.heads import Head, key_id
from services.chassis.truth.ledger import Ledger


class InclusionProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The event at `position` is under `head`: its leaf stands at index position - 1. `path` is hex, nearest first."""

    position: int
    path: tuple[str, ...]
    head: Head


class ConsistencyProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `first` covered is unaltered under `second`. `path` is hex, as RFC 9162 §2.1.4 orders it."""

    first: Head
    second: Head
    path: tuple[str, ...]


class ProofInvalid(Exception):
    """The proof does not prove; one sentence says why."""

    def __init__(self, message: str, english: str) -> None:
        super().__init__(f"{message} · {english}")


def inclusion(store: EventStore, position: int) -> InclusionProof:
    """The proof for one event, under the newest head.

    Raises NotFound when there is no such event, Unavailable when no head covers it yet, IncompleteTree when the
    log was damaged.
    """
    if not 1 <= position <= store.last_position():
        raise NotFound(f"没有位置 {position} 的事件", f"there is no event at position {position}")
    ledger = Ledger(store)
    try:
        head = ledger.newest_head()
        if head is None or head.size < position:
            raise Unavailable(
                "该事件尚未被签名树头覆盖,请稍后再试", "no signed head covers this event yet; try again later"
            )
        return InclusionProof(
            position=position, path=_path(ledger, merkle.inclusion_ranges(position - 1, head.size)), head=head
        )
    finally:
        ledger.close()


def consistency(store: EventStore, first_size: int, second_size: int) -> ConsistencyProof:
    """The proof between the heads of two sizes. NotFound when there is no head of a size, or they stand the other
    way round; IncompleteTree when the log was damaged."""
    ledger = Ledger(store)
    try:
        first, second = ledger.newest_head(first_size), ledger.newest_head(second_size)
        if first is None or second is None or first_size > second_size:
            raise NotFound(
                f"没有从 {first_size} 到 {second_size} 的两个树头",
                f"there are no heads of size {first_size} and then {second_size}",
            )
        ranges = merkle.consistency_ranges(first_size, second_size)
        return ConsistencyProof(first=first, second=second, path=_path(ledger, ranges))
    finally:
        ledger.close()


def check_inclusion(entry: bytes, proof: InclusionProof, key: Ed25519PublicKey) -> None:
    """Raises ProofInvalid unless the entry (`leaf.entry` of the event) is proved to be under the proof's head."""
    _check_head(proof.head, key)
    leaf, path = merkle.leaf_hash(entry), _hashes(proof.path)
    root = bytes.fromhex(proof.head.root)
    if not merkle.verify_inclusion(leaf, proof.position - 1, proof.head.size, path, root):
        raise ProofInvalid("该事件不在签名树头之内", "the event is not under the signed head")


def check_consistency(proof: ConsistencyProof, key: Ed25519PublicKey, *, kept: Head | None = None) -> None:
    """Raises ProofInvalid unless both heads are signed, of one store, and the first one's tree begins the second's.

    `kept` is the older head as the caller holds it; the proof's first head must be that one.
    """
    first, second = proof.first, proof.second
    _check_head(first, key)
    _check_head(second, key)
    if first.identity != second.identity or (kept is not None and first != kept):
        raise ProofInvalid(
            "两个树头不属于同一存储,或不是所保存的树头", "the heads are not of one store, or not the one kept"
        )
    roots = bytes.fromhex(first.root), bytes.fromhex(second.root)
    if not merkle.verify_consistency(first.size, second.size, _hashes(proof.path), *roots):
        raise ProofInvalid("旧树头所覆盖的内容已被改动", "what the older head covered was altered")


def _check_head(head: Head, key: Ed25519PublicKey) -> None:
    if head.key_id != key_id(key) or not head.is_signed_by(key):
        raise ProofInvalid("树头的签名无效", "the head's signature is not good")


def _hashes(path: tuple[str, ...]) -> list[bytes]:
    try:
        return [bytes.fromhex(step) for step in path]
    except ValueError as error:
        raise ProofInvalid("证明已损坏", "the proof is damaged") from error


def _path(ledger: Ledger, ranges: list[merkle.Range]) -> tuple[str, ...]:
    nodes = ledger.nodes(merkle.needed(ranges))
    return tuple(step.hex() for step in merkle.path(ranges, nodes))
