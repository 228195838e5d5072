"""The tables of an event store, the same on every database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

REVISION = "0002"
"""The newest migration in `migrations/versions`; a test holds the two together."""

metadata = MetaData()

_POSITION = BigInteger().with_variant(Integer, "sqlite")

events = Table(
    "events",
    metadata,
    Column("position", _POSITION, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("occurred_on", Text, nullable=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("command_id", Text, nullable=False),
    Column("command_hash", LargeBinary, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text, nullable=False),
    Column("traceparent", Text),
    Column("data", LargeBinary, nullable=False),
    UniqueConstraint("stream", "version", name="events_stream_version"),
)

streams = Table(
    "streams",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": 80},
)

commands = Table(
    "commands",
    metadata,
    Column("command_id", Text, primary_key=True),
    Column("command_hash", LargeBinary, nullable=False),
    Column("stream", Text, nullable=False),
    Column("first_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

store = Table("store", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

merkle_nodes = Table(
    "merkle_nodes",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("index", BigInteger, primary_key=True),
    Column("hash", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
"""Complete subtrees of the Merkle log: level 0 holds the leaf of each event, in position order."""

tree_heads = Table(
    "tree_heads",
    metadata,
    Column("epoch", Integer, primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("previous", LargeBinary, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("owner_epoch", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
"""Work that one process at a time may do: `ends_at` in microseconds since 1970 UTC by the database's clock."""

relays = Table(
    "relays",
    metadata,
    Column("name", Text, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("owner_epoch", BigInteger, nullable=False),
    Column("topic_id", Text),
    sqlite_with_rowid=False,
)
"""How far the events were sent: store epoch and position, and the owner epoch of the one that may move it."""

EVENT_COLUMNS = tuple(column.name for column in events.columns)
