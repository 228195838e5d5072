"""Publishing signed heads while the brokers stand still."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.chassis.kafka import heads
from tests.flow_city import flow_city
from tests.servers import Kafka, Postgres
from tests.waiting import eventually


def test_a_producer_of_heads_whose_brokers_stand_still_is_given_up_and_nothing_is_missing(
    postgres: Postgres, own_kafka: Callable[..., Kafka], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "SEND_SECONDS", 0.5)
    brokers = own_kafka()
    with flow_city(postgres, brokers, tmp_path) as city:
        city.live(5)
        city.relay()
        city.sign()
        assert city.heads.step() == len(city.lines())
        city.live(5)
        city.relay()
        city.sign()
        before = threading.active_count()
        brokers.pause()
        assert city.heads.step() == 0
        assert city.heads.trouble is not None
        brokers.resume()
        eventually(lambda: threading.active_count() < before, what="the end of the producer's thread")
        eventually(lambda: city.heads.step() >= 0 and city.heads.trouble is None, what="a step without trouble")
        assert set(city.heads_on_topic()) == set(city.lines())
