"""Where a store's epochs began, as its signed heads tell: the first head of an epoch covers what was kept, no more."""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from services.chassis.event_store.schema import tree_heads


def kept_by_epoch(engine: Engine) -> dict[int, int]:
    """Per epoch with a head, how many events it began with. May raise SQLAlchemyError."""
    kept = select(tree_heads.c.epoch, func.min(tree_heads.c.size)).group_by(tree_heads.c.epoch)
    with engine.connect() as connection:
        return {int(epoch): int(size) for epoch, size in connection.execute(kept)}


def beginnings(engine: Engine) -> dict[int, int]:
    """Per epoch behind the first, its first position: former epochs' events there and behind were given up. May raise
    SQLAlchemyError."""
    return {epoch: kept + 1 for epoch, kept in kept_by_epoch(engine).items() if epoch > 1}
