"""Merkle trees as RFC 9162 §2.1 defines them, over SHA-256: pure functions and a growing tree's right edge.

A tree over n leaves is kept as its complete subtrees: node (level, number) covers the leaves
[number · 2^level, (number + 1) · 2^level) and never changes once they are there. Whatever the RFC asks for (root,
inclusion path, consistency path of any size) is folded from such nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of the tree without leaves."""


class Address(NamedTuple):
    """Where a complete subtree stands: level 0 holds the leaves, number counts from the left from 0."""

    level: int
    number: int


Range = tuple[int, int]
"""Leaves from (included) to (excluded), from a multiple of the smallest power of two that holds them."""

Nodes = Mapping[Address, bytes]


class IncompleteTree(Exception):
    """A node that is needed is not among those kept."""


def leaf_hash(entry: bytes) -> bytes:
    """The hash of a leaf: never equal to that of a node, whatever the entry is."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of the node over two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: the roots of its largest complete subtrees, at most one a level."""

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """A tree of `size` leaves; `peaks` are the hashes of the nodes at `peaks_of(size)`, in that order."""
        self.size = size
        self._peaks = list(peaks)
        if len(self._peaks) != size.bit_count():
            raise IncompleteTree(f"a tree of {size} leaves has {size.bit_count()} peaks, not {len(self._peaks)}")

    def append(self, leaf: bytes) -> list[tuple[Address, bytes]]:
        """Add a leaf hash; the nodes that it completes, itself first."""
        index, level, digest = self.size, 0, leaf
        completed = [(Address(0, index), leaf)]
        while index & 1:
            index, level, digest = index >> 1, level + 1, node_hash(self._peaks.pop(), digest)
            completed.append((Address(level, index), digest))
        self._peaks.append(digest)
        self.size += 1
        return completed

    def root(self) -> bytes:
        """The tree hash of all leaves so far."""
        return fold(self._peaks) if self._peaks else EMPTY_ROOT

    def copy(self) -> Frontier:
        return Frontier(self.size, self._peaks)


def fold(peaks: list[bytes]) -> bytes:
    """The root over subtrees that stand side by side, larger before smaller."""
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


def peaks_of(size: int, start: int = 0) -> list[Address]:
    """The complete subtrees that make up the leaves [start, start + size), larger before smaller."""
    addresses = []
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            addresses.append(Address(level, start >> level))
            start += 1 << level
    return addresses


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes are the inclusion path of a leaf, nearest first (RFC 9162 §2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        beside = (middle, end) if index < middle else (start, middle)
        start, end = (start, middle) if index < middle else (middle, end)
        path.append(beside)
    return path[::-1]


def consistency_ranges(first: int, second: int) -> list[Range]:
    """The subtrees whose hashes prove that one tree is the start of another (RFC 9162 §2.1.4.1).

    Empty when there is nothing to prove: equal sizes, or a first tree without leaves.
    """
    if not 0 <= first <= second:
        raise ValueError(f"a tree of {first} leaves cannot be the start of one of {second}")
    start, end, path = 0, second, []
    while first and end != first:
        middle = start + _split(end - start)
        beside = (middle, end) if first <= middle else (start, middle)
        start, end = (start, middle) if first <= middle else (middle, end)
        path.append(beside)
    return [*([(start, end)] if start else []), *path[::-1]]


def needed(ranges: Iterable[Range]) -> set[Address]:
    """The complete subtrees that `path` will ask for."""
    return {address for start, end in ranges for address in peaks_of(end - start, start)}


def path(ranges: Iterable[Range], nodes: Nodes) -> tuple[bytes, ...]:
    """The hash of each range, folded from complete subtrees; IncompleteTree when one of them is missing."""
    try:
        return tuple(fold([nodes[address] for address in peaks_of(end - start, start)]) for start, end in ranges)
    except KeyError as missing:
        raise IncompleteTree(f"no node {missing.args[0]}") from missing


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Iterable[bytes], root: bytes) -> bool:
    """Whether the path proves that the leaf hash stands at `index` in the tree of this root (§2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            digest = node_hash(sibling, digest)
            place, last = _climb_to_right_child(place, last)
        else:
            digest = node_hash(digest, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and digest == root


def verify_consistency(first: int, second: int, proof: Iterable[bytes], first_root: bytes, second_root: bytes) -> bool:
    """Whether the path proves that the first tree is the start of the second (§2.1.4.2).

    Equal sizes need equal roots and an empty path, as does a first tree without leaves.
    """
    hashes = list(proof)
    if first == second or first == 0:
        return 0 <= first <= second and not hashes and first_root == (second_root if first == second else EMPTY_ROOT)
    if not 0 < first < second or not hashes:
        return False
    if first.bit_count() == 1:
        hashes.insert(0, first_root)
    return _rebuild(first, second, hashes) == (first_root, second_root)


def _rebuild(first: int, second: int, hashes: list[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots from a consistency path; None when its length does not fit."""
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = hashes[0]
    for digest in hashes[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(digest, old), node_hash(digest, new)
            place, last = _climb_to_right_child(place, last)
        else:
            new = node_hash(new, digest)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _climb_to_right_child(place: int, last: int) -> Range:
    """Up past the levels at which a node at the right edge has no sibling."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (at least 2)."""
    return 1 << (size - 1).bit_length() - 1
