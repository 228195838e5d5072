"""An evidence pack proves the first events of a stream to whoever has the public key, and nothing that was altered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from services.chassis.auth import signing_key
from services.chassis.auth.keys import TRUTH_KEY
from services.chassis.errors import NotFound, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.truth import MerkleLog
from services.chassis.truth.evidence import Evidence, check, gather
from services.chassis.truth.proofs import ProofInvalid
from services.cli.audit import audit
from tests.stores import append_events, make_store


@pytest.fixture
def key(tmp_path: Path) -> Ed25519PrivateKey:
    return signing_key(tmp_path / "keys", TRUTH_KEY)


@pytest.fixture
def store(tmp_path: Path, key: Ed25519PrivateKey) -> Iterator[EventStore]:
    with closing(make_store(tmp_path / "sample.sqlite")) as made:
        append_events(made, 40)
        sign(made, key, tmp_path / "published")
        yield made


def sign(store: EventStore, key: Ed25519PrivateKey, published: Path) -> None:
    with closing(MerkleLog(store, key, published)) as log:
        while log.step():
            pass
        log.sign()


def stream_of(store: EventStore) -> str:
    """One with several events."""
    return max((event for event in store.scan()), key=lambda event: event.version).stream


def sent(evidence: Evidence) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(evidence))
    return found


def test_a_pack_is_checked_with_the_key_alone(store: EventStore, key: Ed25519PrivateKey, tmp_path: Path) -> None:
    evidence = gather(store, stream_of(store))
    assert [each.event for each in evidence.events] == store.read_stream(stream_of(store))
    pack, public = tmp_path / "pack.json", tmp_path / "published" / "truth.pub"
    pack.write_bytes(msgspec.json.encode(evidence))
    said = CliRunner().invoke(audit, ["check", str(pack), "--key", str(public)])
    assert said.exit_code == 0, said.output
    assert f"✓ sample 的 '{stream_of(store)}'" in said.output
    with pytest.raises(ProofInvalid):
        check(evidence, Ed25519PrivateKey.generate().public_key())


def drop_first(pack: dict[str, Any]) -> None:
    del pack["events"][0]


def other_actor(pack: dict[str, Any]) -> None:
    pack["events"][1]["event"]["actor"] = "somebody"


def other_data(pack: dict[str, Any]) -> None:
    pack["events"][-1]["event"]["data"] = "e30="


def other_service(pack: dict[str, Any]) -> None:
    for each in pack["events"]:
        each["event"]["service"] = "other"


def other_root(pack: dict[str, Any]) -> None:
    pack["events"][0]["proof"]["head"]["root"] = "0" * 64


def nothing(pack: dict[str, Any]) -> None:
    pack["events"] = []


@pytest.mark.parametrize("harm", [drop_first, other_actor, other_data, other_service, other_root, nothing])
def test_an_altered_pack_proves_nothing(
    store: EventStore, key: Ed25519PrivateKey, tmp_path: Path, harm: Callable[[dict[str, Any]], None]
) -> None:
    pack, file = sent(gather(store, stream_of(store))), tmp_path / "pack.json"
    harm(pack)
    with pytest.raises(ProofInvalid):
        check(msgspec.json.decode(msgspec.json.encode(pack), type=Evidence), key.public_key())
    file.write_bytes(msgspec.json.encode(pack))
    said = CliRunner().invoke(audit, ["check", str(file), "--key", str(tmp_path / "published" / "truth.pub")])
    assert said.exit_code == 1, said.output


def test_what_no_head_covers_yet_is_left_out(store: EventStore, tmp_path: Path) -> None:
    stream = stream_of(store)
    covered = len(store.read_stream(stream))
    append_events(store, 40)
    assert len(store.read_stream(stream)) > covered
    assert len(gather(store, stream).events) == covered
    with pytest.raises(NotFound):
        gather(store, "nobody")
    with closing(make_store(tmp_path / "unsigned.sqlite")) as unsigned:
        append_events(unsigned, 1)
        with pytest.raises(Unavailable):
            gather(unsigned, next(iter(unsigned.scan())).stream)
