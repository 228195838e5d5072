"""The signed heads on their topic: read each once, written as a heads file, brought back into one that lacks some."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.chassis.event_store import StoreInfo
from services.chassis.flow.topics import Topics
from services.chassis.truth.heads import Head, Identity, parse_line
from services.chassis.truth.published import Published

SENT_AGAIN = 500
"""How many heads back one may come again: a publisher that begins anew, or two at once."""


class Heads(NamedTuple):
    """How many heads on a topic are of this store and signed with its key, and how many are not."""

    ours: int
    foreign: int


def lines_on(topics: Topics, service: str) -> Iterator[bytes]:
    """What the topic of heads holds, whatever it is, without what was sent again; raises Unavailable where there is no
    such topic."""
    topic = topics.heads_name(service)
    lately: deque[bytes] = deque(maxlen=SENT_AGAIN)
    for _, records in topics.read(topic, topics.ends(topic)):
        for record in records:
            line = record.value or b""
            if line not in lately:
                lately.append(line)
                yield line


def write_heads(topics: Topics, service: str, files: Published) -> int:
    """The topic's lines as a heads file; returns how many."""
    count = 0
    with files.heads_file.open("wb") as file:
        for line in lines_on(topics, service):
            count += 1
            file.write(line if line.endswith(b"\n") else line + b"\n")
    return count


def bring_back_heads(topics: Topics, files: Published, info: StoreInfo, key: Ed25519PublicKey) -> Heads:
    """Let the heads file hold every head of this store that the topic has behind the file's last: a folder that was put
    back lacks the newest. Nothing to do where there is no topic of heads."""
    if not topics.exists(topics.heads_name(info.service)):
        return Heads(0, 0)
    last, ours, foreign = files.last(), 0, 0
    reached = last is None
    for head in filter(None, map(parse_line, lines_on(topics, info.service))):
        if not _is_ours(head, info, key):
            foreign += 1
            continue
        ours += 1
        if reached:
            files.folder.mkdir(parents=True, exist_ok=True)
            files.append(head)
        reached = reached or head == last
    return Heads(ours, foreign)


def _is_ours(head: Head, info: StoreInfo, key: Ed25519PublicKey) -> bool:
    return head.identity == Identity.of(info) and head.is_signed_by(key)
