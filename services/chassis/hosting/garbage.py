"""How a process looks after its memory: how often the garbage collector looks for cycles, and what the allocator of the
C library may hold."""

from __future__ import annotations

import ctypes
import gc

ALLOCATED = 10_000
"""Objects made and not yet freed that bring on a collection of the youngest; Python's own 700 suits small scripts. A
process that keeps tens of thousands of rows and states looked through them over and over: a batch of facts makes more
objects than that and keeps most. There are cycles, too: each wait for Kafka that ends with nothing leaves 70 objects in
one, with the frames that waited, and so they lie about until then: 7 MB of them at five times as many."""

YOUNGER_COLLECTIONS = 20
"""Collections of one generation that bring on one of the next older."""

ARENAS = 2
"""Heaps of the C library. By itself it gives each thread one, up to eight for each processor, and what one thread has
freed no other takes up; here one thread at a time allocates, since it holds the interpreter."""

LARGE_BYTES = 128 * 1024
"""Blocks from this size on are asked of the system and go back to it when they are freed; by itself the C library
raises the limit to the largest block that it has seen, and then keeps the buffers of the first catching-up."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""By these numbers glibc knows its settings (mallopt(3))."""


def calm_garbage_collection() -> None:
    """Leave what was loaded at the start out of collections for good, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(ALLOCATED, YOUNGER_COLLECTIONS, YOUNGER_COLLECTIONS)


def settle() -> None:
    """Once, when a process has caught up and before it is busy: leave what it keeps out of collections, and give the
    system back what the catching-up has freed."""
    calm_garbage_collection()
    give_back()


def give_back() -> None:
    """Give the system back the whole pages that are free between blocks in use; by itself the C library gives back
    only what is free behind the last one. A few milliseconds without the interpreter; nothing where the C library
    can't."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def bound_free_memory() -> bool:
    """Let freed memory be used again by all threads, and large blocks go back to the system. False where the C library
    is not glibc. To be called before threads are."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    bounds = {M_ARENA_MAX: ARENAS, M_MMAP_THRESHOLD: LARGE_BYTES, M_TRIM_THRESHOLD: LARGE_BYTES}
    taken = [mallopt(setting, value) == 1 for setting, value in bounds.items()]
    return all(taken)
