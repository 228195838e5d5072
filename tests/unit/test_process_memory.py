"""What a serving process loads and holds by itself is bounded."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from services.chassis.hosting import garbage


def said(code: str) -> str:
    """What a fresh interpreter prints: settings of the C library are for a process's whole life."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_process_that_shows_no_page_loads_nothing_of_the_cockpit() -> None:
    loaded = said(
        "import sys, services.cli.serve; print('jinja2' in sys.modules, 'services.projection.service' in sys.modules)"
    )
    assert loaded == "False True"


@pytest.mark.parametrize("library", ["rich", "pydantic", "services.cli.city", "services.rehearsal", "kafka"])
def test_a_plain_serve_loads_nothing_that_only_other_commands_need(library: str) -> None:
    """As it gets at least as far as to look for its services; Kafka's library is for the distributed form alone."""
    code = f"""
import sys
from services.cli import main
sys.argv = ["bizenv", "serve", "no_such_service"]
try:
    main()
except SystemExit as ended:
    print(ended.code, {library!r} in sys.modules)
"""
    assert said(code) == "2 False"


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_c_library_takes_the_bounds() -> None:
    assert said("from services.chassis.hosting.garbage import bound_free_memory; print(bound_free_memory())") == "True"


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert garbage.bound_free_memory() is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_a_catching_up_freed_goes_back_to_the_system() -> None:
    """Small blocks between kept ones stay with the allocator until it is told to give back whole pages."""
    resident = "int(open('/proc/self/statm').read().split()[1])"
    code = f"""
from services.chassis.hosting.garbage import settle
held = [bytes(3_000) for _ in range(40_000)]
del held[:-1]
before = {resident}; settle(); print(before - {resident} > 5_000)
"""
    assert said(code) == "True"
