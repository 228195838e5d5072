"""An operator asks for a topic to be filled again from the store."""

from __future__ import annotations

from sqlalchemy import Engine, text

_SET_BACK = """
UPDATE relays SET position = :position, topic_id = NULL, owner_epoch = owner_epoch + 1 WHERE name = :name RETURNING 1
"""


def refill(engine: Engine, name: str, position: int = 0) -> bool:
    """Let the relay `name` send again from after this position, into whatever topic there is then; False: it has not
    sent anything yet. The relay at work, in whatever process, finds its checkpoint taken over and begins anew. May
    raise SQLAlchemyError."""
    with engine.connect() as connection:
        return connection.execute(text(_SET_BACK), {"name": name, "position": position}).first() is not None
