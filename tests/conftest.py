"""The real servers, for whoever asks for them by name; and a test that leaves something open is the one that fails."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.servers import Kafka, Postgres, kafka_server, postgres_server


def pytest_configure() -> None:
    """A run that is told to end (`timeout`, a build server) ends its servers too, as after Ctrl-C; what it starts hears
    Ctrl-C also where the run itself was begun in the background and ignores it."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """What is open and forgotten warns when it is collected, else during any later test. To collect after every test
    would take minutes."""
    before = _open_files()
    yield
    if _open_files() > before:
        gc.collect()


def _open_files() -> int:
    """How many files and sockets this process holds."""
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Everybody's PostgreSQL, not durable: take `postgres.database()`, harm nothing."""
    with postgres_server(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """Everybody's broker: take topics and groups of your own, harm nothing."""
    with kafka_server() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[Callable[..., Postgres]]:
    """`own_postgres()`: a durable server for this test alone, to be killed, paused and restarted."""
    with ExitStack() as servers:

        def make(**options: Any) -> Postgres:
            return servers.enter_context(postgres_server(**options))

        yield make


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., Kafka]]:
    """`own_kafka(brokers=3)`: brokers for this test alone, to be killed, paused and restarted one by one."""
    with ExitStack() as servers:

        def make(brokers: int = 1, **options: Any) -> Kafka:
            return servers.enter_context(kafka_server(brokers, **options))

        yield make
