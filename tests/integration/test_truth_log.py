"""The follower that keeps the Merkle log: crashes, restarts, restores, refusals; and the proofs made from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from functools import partial
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.chassis.auth import KeyFileError
from services.chassis.envelope import Envelope
from services.chassis.errors import NotFound, Unavailable
from services.chassis.event_store import EventStore
from services.chassis.hosting.log_keeper import LogKeeper
from services.chassis.leases import Lease
from services.chassis.truth import Head, LogBroken, MerkleLog, Restore, following, read_public_key
from services.chassis.truth import log as log_module
from services.chassis.truth.encoding import pack
from services.chassis.truth.heads import FIRST_PREVIOUS, key_id, parse_line
from services.chassis.truth.leaf import MalformedRow, entry, leaf_of_row
from services.chassis.truth.merkle import EMPTY_ROOT, leaf_hash, verify_inclusion
from services.chassis.truth.proofs import (
    ConsistencyProof,
    InclusionProof,
    ProofInvalid,
    check_consistency,
    check_inclusion,
    consistency,
    inclusion,
)
from services.chassis.truth.published import FollowerLock
from tests.databases import DATABASES
from tests.integration.truth_city import EVENTS, HEADS, LEAVES, SIZES, City, cities, copies, copy_of, follow
from tests.stores import append_events, append_to
from tests.waiting import eventually


class Killed(BaseException):
    """The process died here: nothing of it goes on."""


@pytest.fixture(scope="module", params=DATABASES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> City:
    """Never altered itself."""
    return cities(request, tmp_path_factory.mktemp("made"))


@pytest.fixture
def city(made: City, tmp_path: Path) -> Iterator[City]:
    yield from copies(made, tmp_path / "city")


def kill_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Die when a fault point of the log is passed for the `number`th time."""
    left = number

    def pass_point(_name: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    monkeypatch.setattr(log_module, "fault_point", pass_point)


def run(city: City, work: Callable[[MerkleLog], object], events: int = 0) -> None:
    """Open store and log, append events, do the work, close: what one process does; Killed comes out."""
    store = city.open()
    log = city.log(store, batch=4)
    try:
        append_events(store, events)
        work(log)
    finally:
        log.close()
        store.close()


def to_the_end(log: MerkleLog) -> None:
    follow(log)
    log.sign()


def sign_twice(log: MerkleLog) -> None:
    log.step()
    log.sign()
    to_the_end(log)


def lose_all_heads(city: City) -> None:
    city.sql("DELETE FROM tree_heads")
    city.heads_file.unlink()


def heads_of(city: City) -> list[Head]:
    return [head for head in map(parse_line, city.lines()) if head is not None]


# --- what it writes ---------------------------------------------------------------------------------------------


def test_a_log_begins_with_a_head_of_nothing(tmp_path: Path) -> None:
    city = City(tmp_path)
    city.make().close()
    run(city, MerkleLog.start)
    [head] = heads_of(city)
    assert (head.size, head.position, head.epoch, head.signed_at) == (0, 0, 1, 1)
    assert (head.root, head.previous) == (EMPTY_ROOT.hex(), FIRST_PREVIOUS.hex())
    assert (head.service, head.kind, head.programme, head.partitions) == ("sample", "rehearsal", "sample-2017", 8)
    assert city.audit().ok


def test_heads_are_signed_chained_and_published(city: City) -> None:
    heads = heads_of(city)
    key = read_public_key(city.published / "truth.pub")
    assert [head.size for head in heads] == list(SIZES)
    assert all(head.is_signed_by(key) and head.key_id == key_id(key) for head in heads)
    assert [head.previous for head in heads[1:]] == [head.digest.hex() for head in heads[:-1]]
    assert sorted(os.listdir(city.published)) == [".sample.lock", HEADS, "truth.pub"]


def test_the_head_of_the_log_is_the_last_published(city: City) -> None:
    store = city.open()
    log = city.log(store)
    assert log.head is None
    assert log.start()
    assert log.head == heads_of(city)[-1]
    log.close()
    assert log.head is None
    store.close()


def test_nothing_new_is_not_signed_again(city: City) -> None:
    run(city, to_the_end)
    before = city.lines()
    run(city, lambda log: [log.step(), log.sign()])
    assert city.lines() == before
    assert len(before) == len(SIZES) + 1


def test_a_head_is_signed_at_most_once_an_interval(tmp_path: Path) -> None:
    city, now = City(tmp_path), 0.0
    store = city.make()
    log = city.log(store, interval_seconds=10, monotonic=lambda: now)
    log.start()
    for second in range(31):
        now = float(second)
        append_events(store)
        log.step()
    log.close()
    store.close()
    assert [head.size for head in heads_of(city)] == [0, 11, 21, 31]


def test_a_step_takes_a_batch(tmp_path: Path) -> None:
    city = City(tmp_path)
    store = city.make()
    append_events(store, 10)
    log = city.log(store, batch=4)
    assert [log.step() for _ in range(4)] == [4, 4, 2, 0]
    log.close()
    store.close()


def test_a_batch_cuts_no_command(tmp_path: Path) -> None:
    """One that is longer than a batch is taken in parts."""
    city = City(tmp_path)
    store = city.make()
    append_events(store, 9, events=3)
    append_to(store, "sample-9", 6)
    log = city.log(store, batch=4)
    assert [log.step() for _ in range(6)] == [3, 3, 3, 4, 2, 0]
    log.close()
    store.close()


def test_of_two_followers_one_follows(city: City) -> None:
    store, other = city.open(), city.open()
    log, waiting = city.log(store), city.log(other)
    assert log.start()
    assert (waiting.start(), waiting.step(), waiting.sign()) == (False, 0, None)
    with pytest.raises(LogBroken, match="another process"):
        waiting.open_epoch()
    log.close()
    assert waiting.step() == EVENTS - LEAVES
    waiting.close()
    store.close()
    other.close()
    assert city.audit().ok


@pytest.mark.parametrize("made", ["postgresql"], indirect=True)
def test_a_follower_that_stood_still_and_was_overtaken_writes_nothing(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another machine, where no lock of the file system stands between the two."""
    monkeypatch.setattr(following, "Lease", partial(Lease, seconds=0.05))
    monkeypatch.setattr(FollowerLock, "acquire", lambda _: True)
    store, other = city.open(), city.open()
    zombie = city.log(store)
    assert zombie.start()
    append_events(store, 5)
    monkeypatch.setattr(following, "Lease", Lease)
    holder = city.log(other)
    eventually(holder.start)
    leadership = zombie._following._leadership
    assert leadership is not None
    leadership._renew_at = float("inf")  # it does not know what time it is
    assert zombie.step() == 0
    assert zombie.head is None, "it stands back"
    follow(holder)
    holder.sign()
    assert (zombie.step(), zombie.sign()) == (0, None)
    for log in (zombie, holder):
        log.close()
    store.close()
    other.close()
    report = city.audit()
    assert report.ok, report.findings
    assert report.covered == EVENTS + 5


# --- crashes ----------------------------------------------------------------------------------------------------


def test_a_crash_at_any_point_loses_nothing(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    kills = 0
    while True:
        kill_at(monkeypatch, 1 + kills % 7)
        try:
            run(city, sign_twice, events=9)
        except Killed:
            kills += 1
        report = city.audit()
        assert report.ok, report.findings
        if kills == 21:
            break
    kill_at(monkeypatch, 0)
    run(city, to_the_end)
    report = city.audit()
    assert report.ok, report.findings
    assert (report.covered, report.not_yet_covered) == (report.events, 0)
    assert report.heads == report.published


def test_a_crash_while_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    city = City(tmp_path)
    city.make().close()
    for point in (1, 2, 3):
        kill_at(monkeypatch, point)
        with pytest.raises(Killed):
            run(city, MerkleLog.start)
        assert city.audit().ok
        shutil.rmtree(city.published)
        city.sql("DELETE FROM tree_heads")
    kill_at(monkeypatch, 1)
    with pytest.raises(Killed):
        run(city, MerkleLog.start)
    kill_at(monkeypatch, 0)
    run(city, MerkleLog.start)
    assert city.audit().ok
    assert len(city.lines()) == 1


@pytest.mark.parametrize("written", [0, 1, 100, -1, None])
def test_a_line_torn_by_a_crash_is_written_again(
    city: City, monkeypatch: pytest.MonkeyPatch, written: int | None
) -> None:
    kill_at(monkeypatch, 3)  # one batch of leaves, announced, stored
    with pytest.raises(Killed):
        run(city, to_the_end)
    line = city.pending_file.read_bytes()
    with city.heads_file.open("ab") as file:
        file.write(line[:written])
    report = city.audit()
    assert report.ok, report.findings
    kill_at(monkeypatch, 0)
    run(city, MerkleLog.start)
    assert city.lines()[-1] == line
    assert len(city.lines()) == len(SIZES) + 1
    assert not city.pending_file.exists()
    assert city.audit().ok


def test_leaves_that_a_power_cut_took_are_made_again(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_at(monkeypatch, 2)
    with pytest.raises(Killed):
        run(city, to_the_end)
    city.sql('DELETE FROM merkle_nodes WHERE ("index" + 1) << level > 40')
    assert city.audit().ok
    kill_at(monkeypatch, 0)
    run(city, MerkleLog.start)
    report = city.audit()
    assert report.ok
    assert report.covered == EVENTS


@pytest.mark.parametrize("more", [0, 2])
def test_leaves_that_the_database_lost_under_a_living_log_are_made_again(city: City, more: int) -> None:
    """A database that was killed comes back without its newest unflushed commits, and connections are made anew
    unseen: nothing is built, and no head is signed, upon what is gone."""
    store = city.open()
    log = city.log(store, batch=4)
    with closing(store), closing(log):
        to_the_end(log)
        append_events(store, 3)
        follow(log)
        city.sql(f'DELETE FROM merkle_nodes WHERE ("index" + 1) << level > {store.last_position() - 2}')
        append_events(store, more)
        log.step()  # comes upon the loss
        to_the_end(log)
        covered = store.last_position()
    report = city.audit()
    assert report.ok
    assert report.covered == covered


def test_a_head_that_could_not_be_published_is_published_later(city: City) -> None:
    store = city.open()
    log = city.log(store)
    log.start()
    away = city.folder / "away"
    city.heads_file.rename(away)
    city.heads_file.mkdir()
    with pytest.raises(IsADirectoryError):
        to_the_end(log)
    city.heads_file.rmdir()
    away.rename(city.heads_file)
    assert city.audit().ok
    append_events(store, 5)
    follow(log)
    log.sign()
    log.close()
    store.close()
    assert [head.size for head in heads_of(city)] == [*SIZES, EVENTS, EVENTS + 5]
    assert city.audit().ok


# --- refusals ---------------------------------------------------------------------------------------------------


def replace_key(city: City) -> None:
    (city.folder / "keys" / "truth.key").unlink()


def replace_both_keys(city: City) -> None:
    replace_key(city)
    (city.published / "truth.pub").unlink()


REFUSALS: dict[str, tuple[Callable[[City], object], str]] = {
    "a peak altered": (
        lambda city: city.sql("UPDATE merkle_nodes SET hash = zeroblob(32) WHERE level = 5"),
        "do not give the root",
    ),
    "a peak removed": (lambda city: city.sql("DELETE FROM merkle_nodes WHERE level = 5"), "lacks a node"),
    "events removed": (lambda city: city.sql("DELETE FROM events WHERE position > 42"), "43 leaves stand over 42"),
    "an event removed": (lambda city: city.sql("DELETE FROM events WHERE position = 44"), "no event at position 44"),
    "a malformed event": (lambda city: city.sql("UPDATE events SET actor = x'' WHERE position = 44"), "malformed"),
    "a node in the way": (lambda city: city.sql("INSERT INTO merkle_nodes VALUES (1, 21, x'')"), "there already"),
    "a head removed": (lambda city: city.sql("DELETE FROM tree_heads WHERE size = 40"), "newest heads"),
    "a head altered": (lambda city: city.sql("UPDATE tree_heads SET signature = x'' WHERE size = 40"), "newest heads"),
    "no head": (lose_all_heads, "no head"),
    "a line removed": (lambda city: city.write(city.lines()[:-1]), "newest heads"),
    "a torn line": (lambda city: city.write([*city.lines(), b"{"]), "is damaged"),
    "a line of garbage": (lambda city: city.write([*city.lines(), b"{}\n"]), "is damaged"),
    "announced garbage": (lambda city: city.pending_file.write_bytes(b"{}"), "is damaged"),
    "announced again": (lambda city: city.pending_file.write_bytes(city.lines()[2]), "not what we wrote"),
    "the epoch": (lambda city: city.sql("UPDATE store SET value = '2' WHERE key = 'epoch'"), "the epoch is 2"),
    "the kind": (lambda city: city.sql("UPDATE store SET value = 'real' WHERE key = 'kind'"), "info is not what"),
    "another key": (replace_key, "holds another key"),
    "another key published": (replace_both_keys, "not signed with our key"),
}


NO_SUCH_ROW = ("postgresql", "a malformed event")
"""Its columns take nothing else than they should."""


@pytest.mark.parametrize(
    ("made", "name"),
    [(database, name) for database in DATABASES for name in REFUSALS if (database, name) != NO_SUCH_ROW],
    indirect=["made"],
)
def test_nothing_is_signed_over_an_altered_store(city: City, name: str) -> None:
    alter, sentence = REFUSALS[name]
    alter(city)
    before = city.heads_file.read_bytes() if city.heads_file.exists() else b""
    with pytest.raises(LogBroken, match=sentence):
        run(city, to_the_end)
    with pytest.raises(LogBroken, match=sentence):
        run(city, to_the_end)
    assert (city.heads_file.read_bytes() if city.heads_file.exists() else b"") == before


def test_a_damaged_key_file_is_refused(city: City) -> None:
    (city.published / "truth.pub").write_text("key id: 1\n")
    with pytest.raises(KeyFileError, match="damaged"):
        run(city, MerkleLog.start)


@pytest.mark.parametrize("back", [True, False])
def test_only_a_store_that_lacks_what_heads_cover_records_nothing_more(city: City, back: bool) -> None:
    """Else the log alone is broken: what is recorded stays recorded, and is not used twice."""
    backup = city.backup()
    run(city, to_the_end, events=5)
    if back:
        city.put_back(backup)
    else:
        city.pending_file.write_bytes(b"no head")
    with closing(city.open()) as store:
        keeper = LogKeeper(store, city.log(store))
        keeper.start()
        keeper.close()
        assert keeper.trouble is not None
        assert store.refuses is back
        if back:
            with pytest.raises(Unavailable, match="newest heads of store and heads file differ"):
                append_events(store, 1)


# --- restores ---------------------------------------------------------------------------------------------------


def restored(city: City, *, signed_later: bool = False) -> None:
    """Put the sample's store back as it was, after 15 more events under three heads, and raise its epoch."""
    backup = city.backup()
    if signed_later:
        run(city, to_the_end)
    for _ in range(3):
        run(city, to_the_end, events=5)
    city.put_back(backup)
    city.sql("UPDATE store SET value = '2' WHERE key = 'epoch'")


@pytest.mark.parametrize("signed_later", [False, True])
def test_a_restore_is_recorded_and_told(city: City, signed_later: bool) -> None:
    restored(city, signed_later=signed_later)
    assert "EPOCH_NOT_SIGNED" in city.audit().counts
    run(city, MerkleLog.open_epoch)
    report = city.audit()
    assert report.ok, report.findings
    assert report.restores == (Restore(epoch=2, kept=EVENTS, given_up=15),)
    assert (report.epoch, report.covered) == (2, EVENTS)
    run(city, to_the_end, events=30)
    report = city.audit()
    assert report.ok, report.findings
    assert (report.covered, report.restores[0].given_up) == (EVENTS + 30, 15)


def test_what_was_restored_is_still_vouched_for(city: City) -> None:
    restored(city)
    run(city, MerkleLog.open_epoch)
    city.sql("UPDATE events SET actor = 'mallory' WHERE position = 17")
    assert city.audit().counts == {"EVENT_ALTERED": 1}


def test_a_crash_while_a_restore_is_recorded(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    restored(city)
    untouched = copy_of(city, city.folder.parent / "restored")
    for point, resume in ((2, MerkleLog.open_epoch), (2, MerkleLog.start), (3, MerkleLog.start), (4, MerkleLog.start)):
        again = copy_of(untouched, city.folder.parent / f"again-{point}-{resume.__name__}")
        kill_at(monkeypatch, point)
        with pytest.raises(Killed):
            run(again, MerkleLog.open_epoch)
        kill_at(monkeypatch, 0)
        run(again, resume)
        report = again.audit()
        assert report.ok, report.findings
        assert report.restores == (Restore(epoch=2, kept=EVENTS, given_up=15),)


def test_a_head_half_published_before_the_restore_stays_published(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = city.backup()
    kill_at(monkeypatch, 2)
    with pytest.raises(Killed):
        run(city, to_the_end)
    kill_at(monkeypatch, 0)
    city.put_back(backup)
    city.sql("UPDATE store SET value = '2' WHERE key = 'epoch'")
    run(city, MerkleLog.open_epoch)
    assert [(head.epoch, head.size) for head in heads_of(city)][-2:] == [(1, EVENTS), (2, EVENTS)]
    assert city.audit().ok


def test_no_epoch_is_opened_without_a_restore(city: City) -> None:
    with pytest.raises(LogBroken, match="is not above 1"):
        run(city, MerkleLog.open_epoch)


# --- leaves and heads as others compute them ------------------------------------------------------------------------


ENVELOPE = Envelope(
    service="sample",
    epoch=1,
    position=258,
    partition=3,
    stream="项目-1",
    version=2,
    type="bizenv.sample.noted.v1",
    occurred_on=date(2017, 2, 3),
    recorded_at=msgspec.json.decode(b'"2017-02-03T04:05:06.000007Z"', type=datetime),
    actor="a",
    command_id="c",
    command_hash=b"\x00\xff",
    correlation_id="o",
    causation_id="u",
    traceparent=None,
    data=b"{}",
)


def leaf_of(envelope: Envelope) -> bytes:
    return leaf_hash(entry(envelope))


def test_the_entry_is_the_documented_bytes() -> None:
    fields = [
        b"bizenv.event.v1", b"258", "项目-1".encode(), b"2", b"3", b"bizenv.sample.noted.v1", b"2017-02-03",
        b"1486094706000007", b"a", b"c", b"\x00\xff", b"o", b"u", None, b"{}",
    ]  # fmt: skip
    expected = b""
    for field in fields:
        expected += b"\xff\xff\xff\xff" if field is None else len(field).to_bytes(4, "big") + field
    assert entry(ENVELOPE) == expected


IN_THE_HEAD = ("service", "epoch", "store_id")


@pytest.mark.parametrize("field", [name for name in Envelope.__struct_fields__ if name not in IN_THE_HEAD])
def test_every_field_of_an_event_is_in_its_leaf(field: str) -> None:
    value: Any = getattr(ENVELOPE, field)
    if value is None or isinstance(value, str):
        other: Any = f"{value or ''}x"
    elif isinstance(value, bytes):
        other = value + b"x"
    else:
        other = value + (1 if isinstance(value, int) else timedelta(days=1))
    assert leaf_of(msgspec.structs.replace(ENVELOPE, **{field: other})) != leaf_of(ENVELOPE)


def test_fields_do_not_run_into_each_other() -> None:
    assert (
        len({pack("ab", "c"), pack("a", "bc"), pack("abc"), pack("abc", None), pack("abc", ""), pack("", "abc")}) == 6
    )


def test_a_row_and_its_envelope_have_one_leaf(city: City) -> None:
    store = city.open()
    rows = city.ask("SELECT * FROM events ORDER BY position")
    assert [leaf_of(envelope) for envelope in store.scan()] == [leaf_of_row(row) for row in rows]
    store.close()


@pytest.mark.parametrize("column", range(14))
def test_a_row_of_other_types_has_no_leaf(city: City, column: int) -> None:
    row = list(city.ask("SELECT * FROM events WHERE position = 17")[0])
    row[column] = 1.5
    with pytest.raises(MalformedRow):
        leaf_of_row(row)


# --- proofs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(city: City) -> Any:
    store = city.open()
    yield store
    store.close()


def test_each_covered_event_can_be_proved(city: City, store: EventStore) -> None:
    key = city.key.public_key()
    for envelope in store.read(0, SIZES[-1]):
        sent = msgspec.json.encode(inclusion(store, envelope.position))
        check_inclusion(entry(envelope), msgspec.json.decode(sent, type=InclusionProof), key)


def test_no_other_event_is_proved(city: City, store: EventStore) -> None:
    key = city.key.public_key()
    proof, envelope = inclusion(store, 17), store.read(16, 1)[0]
    bent = msgspec.structs.replace(proof, path=(proof.path[0], proof.path[0], *proof.path[2:]))
    wrong = [
        (entry(msgspec.structs.replace(envelope, actor="mallory")), proof),
        (entry(envelope), msgspec.structs.replace(proof, position=18)),
        (entry(envelope), bent),
        (entry(envelope), msgspec.structs.replace(proof, path=("not hex",))),
        (entry(envelope), msgspec.structs.replace(proof, head=msgspec.structs.replace(proof.head, size=39))),
    ]
    for claimed, given in wrong:
        with pytest.raises(ProofInvalid):
            check_inclusion(claimed, given, key)
    with pytest.raises(ProofInvalid, match="signature"):
        check_inclusion(entry(envelope), proof, Ed25519PrivateKey.generate().public_key())


def test_a_proof_needs_nothing_of_ours_to_be_checked(city: City, store: EventStore) -> None:
    proof = inclusion(store, 17)
    path = [bytes.fromhex(step) for step in proof.path]
    assert verify_inclusion(leaf_of(store.read(16, 1)[0]), 16, proof.head.size, path, bytes.fromhex(proof.head.root))


def test_what_is_not_there_or_not_covered_has_no_proof(store: EventStore) -> None:
    for position in (0, -1, EVENTS + 1):
        with pytest.raises(NotFound):
            inclusion(store, position)
    for position in (SIZES[-1] + 1, EVENTS):
        with pytest.raises(Unavailable):
            inclusion(store, position)


def test_each_head_is_the_start_of_each_later_one(city: City, store: EventStore) -> None:
    key, heads = city.key.public_key(), {head.size: head for head in heads_of(city)}
    for first, second in combinations_with_replacement(SIZES, 2):
        proof = msgspec.json.decode(msgspec.json.encode(consistency(store, first, second)), type=ConsistencyProof)
        check_consistency(proof, key, kept=heads[first])
        assert (proof.first, proof.second) == (heads[first], heads[second])


def test_a_wrong_consistency_proof_is_refused(city: City, store: EventStore) -> None:
    key, proof, kept = city.key.public_key(), consistency(store, 12, 40), heads_of(city)[2]
    other = consistency(store, 25, 40)
    for wrong in (
        msgspec.structs.replace(proof, path=proof.path[1:]),
        msgspec.structs.replace(proof, path=other.path),
        msgspec.structs.replace(proof, first=other.first),
        msgspec.structs.replace(proof, second=msgspec.structs.replace(proof.second, size=41)),
    ):
        with pytest.raises(ProofInvalid):
            check_consistency(wrong, key)
    with pytest.raises(ProofInvalid, match="kept"):
        check_consistency(proof, key, kept=kept)


def test_only_heads_have_consistency_proofs(store: EventStore) -> None:
    for first, second in ((12, 41), (13, 40), (40, 12)):
        with pytest.raises(NotFound):
            consistency(store, first, second)
