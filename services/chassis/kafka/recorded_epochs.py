"""In which epoch of its store an event was recorded, as the signed heads tell: a store itself knows only its own.

What is sent again bears the epoch that it bore at first. Otherwise an event kept from before a restore would come to
those that applied it as one of the new epoch, with a position before theirs: as if it had been given up.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import Engine

from services.chassis.envelope import Envelope
from services.chassis.event_store.beginnings import kept_by_epoch


class RecordedEpochs:
    """Of the events of a store in the epoch `now`. May raise SQLAlchemyError when it is made."""

    def __init__(self, engine: Engine, now: int) -> None:
        begun = kept_by_epoch(engine)
        self._kept = begun.get(now, 0) if now > 1 else 0
        """How many events stem from before: the first head of an epoch covers them and no other. Where none was signed
        nobody can tell, and all count as of now."""
        self._begun = {1: 0, **begun}

    def original(self, envelope: Envelope) -> Envelope:
        """The event as it was when it was recorded."""
        position = envelope.position
        if position > self._kept:
            return envelope
        epoch = max(epoch for epoch, size in self._begun.items() if size < position or epoch == 1)
        return msgspec.structs.replace(envelope, epoch=epoch)
