"""Merkle trees against the RFC's own recursive definitions, written naively here, and against known vectors."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.truth import merkle
from services.chassis.truth.merkle import Address, Frontier, IncompleteTree

SIZES = 200
ENTRIES = [f"entry {number}".encode() for number in range(SIZES)]
VECTOR_LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
"""The eight leaves that the tests of Certificate Transparency (RFC 6962) have used from the beginning."""
VECTOR_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


# --- the RFC's definitions, word for word ---------------------------------------------------------------------


def naive_root(entries: list[bytes]) -> bytes:
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = naive_split(len(entries))
    return sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()


def naive_path(m: int, entries: list[bytes]) -> list[bytes]:
    if len(entries) == 1:
        return []
    k = naive_split(len(entries))
    if m < k:
        return [*naive_path(m, entries[:k]), naive_root(entries[k:])]
    return [*naive_path(m - k, entries[k:]), naive_root(entries[:k])]


def naive_proof(m: int, entries: list[bytes], whole: bool = True) -> list[bytes]:
    if m == len(entries):
        return [] if whole else [naive_root(entries)]
    k = naive_split(len(entries))
    if m <= k:
        return [*naive_proof(m, entries[:k], whole), naive_root(entries[k:])]
    return [*naive_proof(m - k, entries[k:], False), naive_root(entries[:k])]


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


# --- what a log keeps -----------------------------------------------------------------------------------------


def grow(entries: list[bytes]) -> tuple[dict[Address, bytes], list[bytes]]:
    """All complete subtrees, and the root at each size from 0."""
    frontier, nodes = Frontier(), dict[Address, bytes]()
    roots = [frontier.root()]
    for entry in entries:
        nodes.update(frontier.append(merkle.leaf_hash(entry)))
        roots.append(frontier.root())
    return nodes, roots


NODES, ROOTS = grow(ENTRIES)


def inclusion(index: int, size: int) -> tuple[bytes, ...]:
    return merkle.path(merkle.inclusion_ranges(index, size), NODES)


def consistency(first: int, second: int) -> tuple[bytes, ...]:
    return merkle.path(merkle.consistency_ranges(first, second), NODES)


sizes = st.integers(1, SIZES)


@st.composite
def two_sizes(draw: st.DrawFn) -> tuple[int, int]:
    second = draw(sizes)
    return draw(st.integers(1, second)), second


@st.composite
def leaf_of_size(draw: st.DrawFn) -> tuple[int, int]:
    size = draw(sizes)
    return draw(st.integers(0, size - 1)), size


def test_known_roots() -> None:
    _, roots = grow(VECTOR_LEAVES)
    assert roots[0].hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root.hex() for root in roots[1:]] == list(VECTOR_ROOTS)


def test_known_paths() -> None:
    nodes, _ = grow(VECTOR_LEAVES)
    assert [step.hex() for step in merkle.path(merkle.inclusion_ranges(0, 8), nodes)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in merkle.path(merkle.consistency_ranges(1, 8), nodes)] == [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ]
    assert [step.hex() for step in merkle.path(merkle.consistency_ranges(6, 8), nodes)] == [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ]


def test_the_root_at_every_size_is_the_recursive_one() -> None:
    assert [naive_root(ENTRIES[:size]) for size in range(SIZES + 1)] == ROOTS


def test_the_frontier_is_rebuilt_from_its_peaks() -> None:
    for size in range(SIZES):
        again = Frontier(size, [NODES[address] for address in merkle.peaks_of(size)])
        assert again.root() == ROOTS[size]
        again.append(merkle.leaf_hash(ENTRIES[size]))
        assert again.root() == ROOTS[size + 1]


def test_a_frontier_with_a_peak_missing_is_refused() -> None:
    with pytest.raises(IncompleteTree):
        Frontier(3, [ROOTS[2]])


def test_a_copy_grows_alone() -> None:
    frontier = Frontier(2, [ROOTS[2]])
    frontier.copy().append(ROOTS[1])
    assert (frontier.size, frontier.root()) == (2, ROOTS[2])


@settings(deadline=None)
@given(leaf_of_size())
def test_inclusion_paths_are_the_recursive_ones_and_prove(place: tuple[int, int]) -> None:
    index, size = place
    proof = inclusion(index, size)
    assert list(proof) == naive_path(index, ENTRIES[:size])
    assert merkle.verify_inclusion(merkle.leaf_hash(ENTRIES[index]), index, size, proof, ROOTS[size])


@settings(deadline=None)
@given(two_sizes())
def test_consistency_paths_are_the_recursive_ones_and_prove(both: tuple[int, int]) -> None:
    first, second = both
    proof = consistency(first, second)
    assert list(proof) == naive_proof(first, ENTRIES[:second])
    assert merkle.verify_consistency(first, second, proof, ROOTS[first], ROOTS[second])


@settings(deadline=None)
@given(leaf_of_size(), st.data())
def test_a_wrong_inclusion_proof_proves_nothing(place: tuple[int, int], data: st.DataObject) -> None:
    index, size = place
    leaf, proof, root = merkle.leaf_hash(ENTRIES[index]), list(inclusion(index, size)), ROOTS[size]
    other = data.draw(st.integers(-1, size + 1).filter(lambda value: value != index))
    assert not merkle.verify_inclusion(leaf, other, size, proof, root)
    assert not merkle.verify_inclusion(merkle.leaf_hash(b"another"), index, size, proof, root)
    assert not merkle.verify_inclusion(leaf, index, size, [*proof, leaf], root)
    for step in range(len(proof)):
        bent = [*proof[:step], _bent(proof[step]), *proof[step + 1 :]]
        assert not merkle.verify_inclusion(leaf, index, size, bent, root)
        assert not merkle.verify_inclusion(leaf, index, size, proof[:step] + proof[step + 1 :], root)


@settings(deadline=None)
@given(two_sizes())
def test_a_wrong_consistency_proof_proves_nothing(both: tuple[int, int]) -> None:
    first, second = both
    proof, old, new = list(consistency(first, second)), ROOTS[first], ROOTS[second]
    assert not merkle.verify_consistency(first, second, proof, _bent(old), new)
    assert not merkle.verify_consistency(first, second, proof, old, _bent(new))
    assert not merkle.verify_consistency(first, second, [*proof, old], old, new)
    for step in range(len(proof)):
        bent = [*proof[:step], _bent(proof[step]), *proof[step + 1 :]]
        assert not merkle.verify_consistency(first, second, bent, old, new)
        assert not merkle.verify_consistency(first, second, proof[:step] + proof[step + 1 :], old, new)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert consistency(0, 5) == ()
    assert merkle.verify_consistency(0, 5, (), merkle.EMPTY_ROOT, ROOTS[5])
    assert not merkle.verify_consistency(0, 5, (), ROOTS[1], ROOTS[5])
    assert merkle.verify_consistency(0, 0, (), ROOTS[0], ROOTS[0])
    assert not merkle.verify_consistency(6, 5, (), ROOTS[6], ROOTS[5])
    assert not merkle.verify_consistency(-1, 5, (), ROOTS[0], ROOTS[5])


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_no_path_leads_to_a_leaf_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="has no leaf"):
        merkle.inclusion_ranges(index, size)


@pytest.mark.parametrize(("first", "second"), [(6, 5), (-1, 5)])
def test_a_larger_tree_is_not_the_start_of_a_smaller(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="cannot be the start"):
        merkle.consistency_ranges(first, second)


def test_what_a_path_needs_is_what_it_uses() -> None:
    ranges = merkle.inclusion_ranges(150, 187)
    used = merkle.needed(ranges)
    assert merkle.path(ranges, {address: NODES[address] for address in used}) == inclusion(150, 187)
    for address in used:
        with pytest.raises(IncompleteTree, match="no node"):
            merkle.path(ranges, {kept: NODES[kept] for kept in used if kept != address})


def _bent(digest: bytes) -> bytes:
    return bytes([digest[0] ^ 1]) + digest[1:]
