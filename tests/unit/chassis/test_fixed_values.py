"""Values that stores, topics and clients rely on for ever: a change of any of them is a broken promise."""

from __future__ import annotations

from collections import Counter

import pytest

from services.chassis.envelope import partition_of
from services.chassis.errors import InvalidRequest
from services.chassis.forms.embedded import PARTITIONS
from services.chassis.positions.position import PositionToken
from services.chassis.reactions.table import NAMESPACE, reaction_command_id


@pytest.mark.parametrize(
    ("stream", "of_twelve", "of_eight"),
    [
        ("project-p1", 1, 1),
        ("counter-a", 11, 7),
        ("calendar-project_tracking", 0, 0),
        ("unit-130602", 5, 1),
        ("programme-保定", 9, 5),
    ],
)
def test_the_partition_of_a_stream_never_changes(stream: str, of_twelve: int, of_eight: int) -> None:
    assert partition_of(stream, 12) == of_twelve
    assert partition_of(stream, 8) == of_eight
    assert partition_of(stream, 1) == 0


def test_streams_spread_over_the_partitions() -> None:
    spread = Counter(partition_of(f"project-{n}", PARTITIONS) for n in range(1200))
    assert PARTITIONS == 12
    assert set(spread) == set(range(PARTITIONS))
    assert max(spread.values()) < 2 * min(spread.values())


def test_the_command_id_of_a_reaction_never_changes() -> None:
    assert str(NAMESPACE) == "6f1d8f0a-52a5-5a0e-9d2b-0f6f3f1b7c11"
    assert reaction_command_id("project-p1/3", "record_lamp", "project-p2") == "0fd7aac6-3401-5e6b-9d3f-4a6f9f68cad1"
    assert reaction_command_id("unit-130602/1", "close_unit", "project-甲") == "91adf1ed-4f58-56ec-8fcc-f1f7189cc0e2"


def test_the_command_id_of_a_reaction_differs_by_event_reaction_and_stream() -> None:
    ids = {reaction_command_id(e, r, s) for e in ("a/1", "a/2") for r in ("x", "y") for s in ("b", "c")}
    assert len(ids) == 8


def test_a_position_token_is_read_as_it_was_written() -> None:
    token = PositionToken("project_tracking", 2, 11, 123_456)
    assert str(token) == "project_tracking:2:11:123456"
    assert PositionToken.parse(str(token)) == token


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sample",
        "sample:1:2",
        "sample:1:2:3:4",
        "sample:1:2:-3",
        "sample:1:2:3 ",
        "sample:1:2:3\n",
        "Sample:1:2:3",
        "sam ple:1:2:3",
        "sample:1:2:3.0",
        "sample:１:2:3",
        "sample:1:2:" + "9" * 19,
        "sample:1:2:" + "9" * 5000,
        "s" * 65 + ":1:2:3",
    ],
)
def test_what_is_no_token_of_ours_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        PositionToken.parse(text)
    assert raised.value.violations[0].field == "token"
