"""Whether a store was put back from a backup: what it has forgotten still stands in the published heads."""

from __future__ import annotations

from pathlib import Path

from services.chassis.event_store import EventStore
from services.chassis.truth.heads import Head
from services.chassis.truth.ledger import Ledger
from services.chassis.truth.published import LogBroken, Published


def unknown_head(store: EventStore, published: Path) -> Head | None:
    """The newest published head when the store does not hold it, or has not signed its epoch since a restore.

    Cheap, and harmless beside a running follower: a head is in the store before it is published. None also where
    the published files are damaged, which the log itself tells.
    """
    files = Published(published, store.service)
    try:
        last, pending = files.last(), files.pending()
    except LogBroken:
        return None
    if last is None or (pending is not None and pending.epoch == store.info.epoch > last.epoch):
        return None
    ledger = Ledger(store)
    try:
        return None if store.info.epoch == last.epoch and ledger.head(last.epoch, last.size) == last else last
    finally:
        ledger.close()


def epoch_after_restore(store: EventStore, published: Path) -> int:
    """The epoch that a restored store goes on in: its own where an interrupted call has raised it already, else one
    more than of any head that may have been given away. Raises LogBroken when the published files are damaged, or there
    are none."""
    files, own = Published(published, store.service), store.info.epoch
    last, pending = files.last(), files.pending()
    given = [head.epoch for head in (last, pending) if head is not None and (head is last or head.epoch != own)]
    if not given:
        raise LogBroken("没有本存储已公布的树头", "no head of this store was ever published: it needs no new epoch")
    newest = max(given)
    return own if own > newest else newest + 1


def published_size(store: EventStore, published: Path) -> int:
    """How many events the newest published head covers."""
    last = Published(published, store.service).last()
    return 0 if last is None else last.size
