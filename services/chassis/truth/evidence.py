"""An evidence pack: the events of one stream, each with the proof that it is under a signed head, for a third party.

It is checked with nothing but the pack and the public key that the checker got from us earlier, on another way. It
shows that these are the first events of the stream, whole and as they were recorded. It does not show that no later
ones follow, nor that we showed everybody the same log: against that, keep heads and ask for consistency proofs.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.envelope import Envelope
from services.chassis.errors import NotFound, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.truth.heads import Head
from services.chassis.truth.leaf import entry
from services.chassis.truth.proofs import InclusionProof, ProofInvalid, check_inclusion, inclusion


class Proved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event and its proof. The event's `epoch` is not covered by its leaf, and proves nothing."""

    event: Envelope
    proof: InclusionProof


class Evidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The events of one stream from the first one on; bytes are base64."""

    format: Literal["bizenv.evidence.v1"] = "bizenv.evidence.v1"
    events: tuple[Proved, ...]

    @property
    def head(self) -> Head:
        """The newest that the proofs name."""
        return max((each.proof.head for each in self.events), key=lambda head: (head.epoch, head.size))


def gather(store: EventStore, stream: str) -> Evidence:
    """All events of a stream that a head covers. Raises NotFound where there are none, Unavailable where no head covers
    the first one yet, IncompleteTree where the log was damaged."""
    events = store.read_stream(stream)
    if not events:
        raise NotFound(f"没有流 {stream}", f"there is no stream {stream}")
    proved: list[Proved] = []
    for event in events:
        try:
            proved.append(Proved(event=event, proof=inclusion(store, event.position)))
        except Unavailable:
            if not proved:
                raise
            break  # those behind it are younger still
    return Evidence(events=tuple(proved))


def check(evidence: Evidence, key: Ed25519PublicKey) -> None:
    """Raises ProofInvalid unless these are the first events of one stream of one store, each proved."""
    if not evidence.events:
        raise ProofInvalid("证据包是空的", "the pack is empty")
    first = evidence.events[0]
    for version, each in enumerate(evidence.events, 1):
        event, head = each.event, each.proof.head
        if (event.stream, event.version) != (first.event.stream, version):
            raise ProofInvalid(f"缺少第 {version} 版事件", f"the event of version {version} is not there")
        if head.identity != first.proof.head.identity:
            raise ProofInvalid("树头不属于同一存储", "the heads are not of one store")
        if (event.service, event.store_id, event.position) != (head.service, head.store_id, each.proof.position):
            raise ProofInvalid(f"事件 {event.id} 与其证明不符", f"the event {event.id} is not what its proof speaks of")
        check_inclusion(entry(event), each.proof, key)
