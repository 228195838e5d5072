"""Ids drawn from a pool: well formed, never the same twice, from any number of threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

from services.chassis.random_ids import ordered_uuid, random_bytes


def test_a_uuid_is_one_of_version_7_in_its_canonical_form() -> None:
    before = time.time_ns() // 1_000_000
    text = ordered_uuid()
    parsed = UUID(text)
    assert (str(parsed), parsed.version, parsed.variant) == (text, 7, RFC_4122)
    assert before <= parsed.int >> 80 <= time.time_ns() // 1_000_000


def test_uuids_of_later_milliseconds_sort_behind_earlier_ones() -> None:
    drawn = []
    for _ in range(5):
        drawn.append(ordered_uuid())
        moment = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == moment:
            pass
    assert drawn == sorted(drawn)


def test_bytes_come_in_the_number_asked_for_across_the_ends_of_pools() -> None:
    drawn = [random_bytes(size) for size in (1, 8, 16, 8192, 5000, 5000)]
    assert [len(each) for each in drawn] == [1, 8, 16, 8192, 5000, 5000]
    assert drawn[-1] != drawn[-2]


def test_threads_are_never_given_the_same_bytes() -> None:
    with ThreadPoolExecutor(8) as pool:
        drawn = [one for many in pool.map(lambda _: [ordered_uuid() for _ in range(2000)], range(8)) for one in many]
    assert len(set(drawn)) == len(drawn)
