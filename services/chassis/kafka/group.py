"""A group as the brokers know it: which partitions none of its members holds, and how much waits in them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from kafka.errors import GroupIdNotFoundError

from services.chassis.errors import Unavailable
from services.chassis.kafka.cluster import Cluster, Partition

SETTLED = "Stable"
"""In any other state with members, its partitions are being handed out anew: whose they are is not known."""


def unheld(cluster: Cluster, group: str, topics: Collection[str]) -> dict[Partition, int]:
    """Per partition of these topics that no member of the group holds, how many of its records the group never said
    that it had read. Raises Unavailable."""
    everything = {(topic, number) for topic in topics for number in range(_partitions(cluster, topic))}
    described = cluster.ask(lambda admin: admin.describe_groups([group]))[group]
    if described["error"] is not None and GroupIdNotFoundError.__name__ not in described["error"]:
        raise Unavailable(f"无法查看消费者组 {group}", f"can't look at the group {group}: {described['error']}")
    members = described["members"]
    if members and described["group_state"] != SETTLED:
        return {}
    left = everything - {place for member in members for place in _held(member)}
    return _unread(cluster, group, topics, left) if left else {}


def _partitions(cluster: Cluster, topic: str) -> int:
    state = cluster.watch(topic)
    return 0 if state is None else state.partitions


def _held(member: Mapping[str, Any]) -> list[Partition]:
    assignment = member["member_assignment"]
    if not isinstance(assignment, Mapping):  # it has none yet
        return []
    parts = assignment["assigned_partitions"]
    return [(part["topic"], number) for part in parts for number in part["partitions"]]


def _unread(
    cluster: Cluster, group: str, topics: Collection[str], places: Collection[Partition]
) -> dict[Partition, int]:
    told = cluster.ask(lambda admin: admin.list_group_offsets(group))[group]
    read = {(place.topic, place.partition): at.offset for place, at in told.items()}
    ends = cluster.ends(topics)
    return {place: max(0, ends.get(place, 0) - max(0, read.get(place, 0))) for place in sorted(places)}
