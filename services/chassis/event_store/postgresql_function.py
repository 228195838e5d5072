"""`append_batch`: the one statement by which a batch is appended on PostgreSQL.

It takes the exclusive lock first. In READ COMMITTED each query of a volatile function has a snapshot of its own, so
what follows sees all that was committed before it held the lock: the last position, the heads of streams, the commands
that were carried out. The lock is that of this schema's events table and is freed after the commit is visible.

The planner may read no table from end to end: its plan is kept, and one that was right for an empty table would read
all of a large one for each batch. Looked-up rows are scalar subqueries for the same reason: they can't become a join.
"""

from __future__ import annotations

LOCK_CLASS = 17747
"""The upper half of the lock's number; the lower one is the events table's."""

ARGUMENTS = (
    ("streams", "text[]"),
    ("expected", "integer[]"),
    ("counts", "integer[]"),
    ("partitions", "integer[]"),
    ("recorded", "bigint[]"),
    ("actors", "text[]"),
    ("ids", "text[]"),
    ("hashes", "bytea[]"),
    ("correlations", "text[]"),
    ("causations", "text[]"),
    ("traces", "text[]"),
    ("members", "integer[]"),
    ("steps", "integer[]"),
    ("types", "text[]"),
    ("days", "text[]"),
    ("facts", "bytea[]"),
)
"""The first eleven have an element for each member of the batch, the others for each event: its member and its step
within it, both from 1."""

RESULT = (
    ("member", "integer"),
    ("known", "boolean"),
    ("same", "boolean"),
    ("stream", "text"),
    ("first_version", "integer"),
    ("last_version", "integer"),
    ("at", "bigint"),
)
"""First a row of member 0 whose `at` is the last position before the batch. Then, in order, a row for each member that
was not appended. `known`: its command id is used, by the `same` command or not; else `last_version` is its stream's."""

SETTINGS = ("enable_seqscan=off", "plan_cache_mode=force_generic_plan")

BODY = f"""
#variable_conflict use_column
DECLARE
  base bigint;
BEGIN
  PERFORM pg_advisory_xact_lock({LOCK_CLASS}::bigint << 32 | 'events'::regclass::oid::bigint);
  SELECT coalesce(max(position), 0) INTO base FROM events;
  RETURN QUERY
  WITH judged AS MATERIALIZED (
    SELECT asked.*, sum(count) FILTER (WHERE good) OVER (ORDER BY n) - count AS before
    FROM (
      SELECT looked.*, (known).command_id IS NULL AND actual = expecting AS good
      FROM (
        SELECT asking.*,
          (SELECT c FROM commands c WHERE c.command_id = asking.id) AS known,
          coalesce((SELECT s.version FROM streams s WHERE s.stream = asking.stream), 0) AS actual
        FROM unnest(streams, expected, counts, partitions, recorded, actors, ids, hashes, correlations, causations,
          traces) WITH ORDINALITY AS asking(stream, expecting, count, part, instant, actor, id, hash, correlation,
          causation, trace, n)
      ) looked
    ) asked
  ), written AS (
    INSERT INTO events
    SELECT base + before + step, stream, expecting + step, part, type, day, instant, actor, id, hash, correlation,
      causation, trace, fact
    FROM unnest(members, steps, types, days, facts) AS given(of, step, type, day, fact) JOIN judged ON n = of
    WHERE good
  ), noted AS (
    INSERT INTO commands
    SELECT id, hash, stream, expecting + 1, expecting + count, base + before + count FROM judged WHERE good
  ), moved AS (
    INSERT INTO streams SELECT stream, expecting + count FROM judged WHERE good
    ON CONFLICT (stream) DO UPDATE SET version = excluded.version
  )
  SELECT 0, NULL::boolean, NULL::boolean, NULL::text, NULL::integer, NULL::integer, base
  UNION ALL (
    SELECT n::integer, (known).command_id IS NOT NULL, (known).command_hash = hash, (known).stream,
      (known).first_version, coalesce((known).last_version, actual), (known).position
    FROM judged WHERE good IS NOT TRUE ORDER BY n
  );
END
"""


def _signature() -> str:
    return ", ".join(f"{name} {kind}" for name, kind in ARGUMENTS)


def _answer() -> str:
    return ", ".join(f"{name} {kind}" for name, kind in RESULT)


CREATE = (
    f"CREATE FUNCTION append_batch({_signature()}) RETURNS TABLE ({_answer()}) LANGUAGE plpgsql "
    + " ".join(f"SET {setting.replace('=', ' = ')}" for setting in SETTINGS)
    + f" AS $append${BODY}$append$"
)
DROP = "DROP FUNCTION append_batch"
CALL = "SELECT * FROM append_batch({})"
