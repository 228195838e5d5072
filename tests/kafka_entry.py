"""Whether a key opens the door of some brokers: facts come through it, or a sentence says why it stays shut."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from services.chassis.errors import Unavailable
from services.chassis.kafka.access import KafkaAccess
from services.chassis.kafka.connection import require_entry
from tests.followers import Follower, record
from tests.relays import Line, running
from tests.servers import Kafka
from tests.stores import make_store


def require_flow(server: Kafka, access: KafkaAccess, folder: Path) -> None:
    """What a new store records comes to a new follower, by this key alone."""
    require_entry(access)
    with (
        closing(make_store(folder / "sample.sqlite")) as store,
        closing(Line(server, access=access)) as line,
        closing(Follower(folder / "facts.sqlite", line.bus, ["sample"])) as follower,
        running(line.relay(store)),
    ):
        record(store, 30)
        follower.start().wait_for(store)


def refusal(access: KafkaAccess) -> str:
    """The sentence with which we are not let in: it names the address, and nothing tells the password."""
    with pytest.raises(Unavailable) as refused:
        require_entry(access)
    assert access.servers[0] in str(refused.value)
    assert access.password is None or access.password not in repr(access)
    return str(refused.value)
