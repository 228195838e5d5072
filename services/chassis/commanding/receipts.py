"""What the sender of a command is answered: by what it recorded now or the first time, or by what made it quiet."""

from __future__ import annotations

import asyncio

from services.chassis.commanding.gateway import Receipt
from services.chassis.envelope import partition_of
from services.chassis.errors import CommandIdReused
from services.chassis.event_store import CommandRecord, EventStore
from services.chassis.positions.position import PositionToken


class Receipts:
    """The receipts of one service's commands."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def of(self, record: CommandRecord, repeated: bool) -> Receipt:
        """For a command that recorded this, now or when it came first (`repeated`)."""
        return Receipt(
            command_id=record.command_id,
            stream=record.stream,
            version=record.last_version,
            event_ids=tuple([f"{record.stream}/{v}" for v in range(record.first_version, record.last_version + 1)]),
            token=self._token(record.stream, record.position),
            repeated=repeated,
        )

    def quiet(self, command_id: str, stream: str, version: int, position: int) -> Receipt:
        """For a command that had nothing to record. The token is that of the stream's last fact, so that a reader sees
        what made the command quiet."""
        token = self._token(stream, position)
        return Receipt(command_id=command_id, stream=stream, version=version, event_ids=(), token=token)

    async def earlier(self, command_id: str, body_hash: bytes) -> Receipt | None:
        """The first answer to this command id; None when it was never carried out. Raises CommandIdReused."""
        record = await asyncio.to_thread(self._store.find_command, command_id)
        if record is None:
            return None
        if record.command_hash != body_hash:
            raise reused(command_id)
        return self.of(record, True)

    def _token(self, stream: str, position: int) -> str:
        info = self._store.info
        return str(PositionToken(info.service, info.epoch, partition_of(stream, info.partitions), position))


def reused(command_id: str) -> CommandIdReused:
    """The id belongs to another command."""
    return CommandIdReused(
        f"命令编号 {command_id} 已用于另一条命令", f"command id {command_id} was used for another command"
    )
