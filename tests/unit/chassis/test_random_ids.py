"""Ids drawn from a pool: well formed, never the same twice, from any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from services.chassis.random_ids import random_bytes, random_uuid


def test_a_uuid_is_one_of_version_4_in_its_canonical_form() -> None:
    text = random_uuid()
    parsed = UUID(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 4, RFC_4122)


def test_bytes_come_in_the_number_asked_for_across_the_ends_of_pools() -> None:
    drawn = [random_bytes(size) for size in (1, 8, 16, 8192, 5000, 5000)]
    assert [len(each) for each in drawn] == [1, 8, 16, 8192, 5000, 5000]
    assert drawn[-1] != drawn[-2]


def test_threads_are_never_given_the_same_bytes() -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = [one for many in pool.map(lambda _: [random_uuid() for _ in range(2000)], range(8)) for one in many]
    assert len(set(drawn)) == len(drawn)
