"""Whether a PostgreSQL store's schema holds what the migrations make, and nothing else.

The catalogue says what is there; what is due follows from `schema.metadata` and the text of the function, without
another database. A test holds what is due here and what the migrations make together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache

from sqlalchemy import Column, Constraint, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from services.chassis.event_store import postgresql_function as function
from services.chassis.event_store import schema
from services.chassis.event_store.model import Alteration, Change

Definitions = dict[tuple[str, str], tuple[str, ...]]
"""(kind, name) → the lines that say how it is."""

_HERE = "(SELECT oid FROM pg_namespace WHERE nspname = current_schema())"

_LISTED = f"""
WITH relations AS (SELECT * FROM pg_class WHERE relnamespace = {_HERE})
SELECT CASE WHEN relkind IN ('r', 'p', 'f') THEN 'table' WHEN relkind IN ('i', 'I') THEN 'index' WHEN relkind = 'v'
    THEN 'view' WHEN relkind = 'm' THEN 'materialized view' WHEN relkind = 'S' THEN 'sequence' ELSE 'type' END,
  relname::text,
  concat_ws(' ', '0', relkind, relpersistence, relrowsecurity, relforcerowsecurity, relispartition,
    EXISTS (SELECT 1 FROM pg_inherits WHERE inhparent = relations.oid OR inhrelid = relations.oid
      AND relkind IN ('r', 'p', 'f')),
    CASE WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(oid)
      || (SELECT CASE WHEN indisvalid THEN '' ELSE ' invalid' END FROM pg_index WHERE indexrelid = oid) END)
FROM relations
UNION ALL
SELECT 'table', relname, concat_ws(' ', '1', lpad(attnum::text, 4, '0'), attname, format_type(atttypid, atttypmod),
    CASE WHEN attnotnull THEN 'NOT NULL' END, pg_get_expr(adbin, adrelid), nullif(attidentity, ''),
    nullif(attgenerated, ''), CASE WHEN attcollation <> typcollation THEN attcollation::regcollation END)
FROM relations JOIN pg_attribute ON attrelid = relations.oid JOIN pg_type ON pg_type.oid = atttypid
  LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relkind IN ('r', 'p', 'f') AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT 'table', relname, concat_ws(' ', '2', conname, pg_get_constraintdef(pg_constraint.oid))
FROM relations JOIN pg_constraint ON conrelid = relations.oid WHERE contype <> 'n'
UNION ALL
SELECT 'trigger', tgname, concat_ws(' ', tgenabled, pg_get_triggerdef(pg_trigger.oid))
FROM relations JOIN pg_trigger ON tgrelid = relations.oid WHERE NOT tgisinternal
UNION ALL
SELECT 'rule', rulename, pg_get_ruledef(pg_rewrite.oid)
FROM relations JOIN pg_rewrite ON ev_class = relations.oid WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'policy', polname, '' FROM relations JOIN pg_policy ON polrelid = relations.oid
UNION ALL
SELECT 'function', proname, concat_ws(' ', prokind, lanname, provolatile, proparallel, proisstrict, prosecdef,
    proleakproof, pg_get_function_arguments(pg_proc.oid), pg_get_function_result(pg_proc.oid),
    array_to_string(proconfig, ' '), prosrc)
FROM pg_proc JOIN pg_language ON pg_language.oid = prolang WHERE pronamespace = {_HERE}
UNION ALL
SELECT 'type', typname, typtype::text FROM pg_type
WHERE typnamespace = {_HERE} AND typrelid = 0 AND typcategory <> 'A'
"""

_VERSIONS = {
    ("table", "alembic_version"): (
        "0 r p f f f f",
        "1 0001 version_num character varying(32) NOT NULL",
        "2 alembic_version_pkc PRIMARY KEY (version_num)",
    ),
    ("index", "alembic_version_pkc"): (
        "0 i p f f f f CREATE UNIQUE INDEX alembic_version_pkc ON alembic_version USING btree (version_num)",
    ),
}


def alterations(connection: Connection) -> list[Alteration]:
    """What differs from a database that was just migrated, in the order of kind and name."""
    due, found = _due(), _definitions(connection)
    changes = {
        **dict.fromkeys(found.keys() - due.keys(), Change.ADDED),
        **dict.fromkeys(due.keys() - found.keys(), Change.REMOVED),
        **{place: Change.ALTERED for place in due.keys() & found.keys() if due[place] != found[place]},
    }
    gone = {name for kind, name in due if kind == "table" and (kind, name) not in found}
    owned = {("index", _index_name(key)): key.table.name for key in _keys()}
    return [
        Alteration(kind, name, changes[kind, name])
        for kind, name in sorted(changes)
        if owned.get((kind, name)) not in gone  # a table's keys go with it
    ]


def _definitions(connection: Connection) -> Definitions:
    """An index without the schema's name, and all without quotes of names, which another version may write."""
    own = f" ON {connection.exec_driver_sql('SELECT current_schema()').scalar()}."
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, name, line in connection.exec_driver_sql(_LISTED.replace("%", "%%")):
        found[kind, name].append(
            line.replace('"', "").replace(own, " ON ") if kind == "index" else line.replace('"', "")
        )
    return {place: tuple(sorted(lines)) for place, lines in found.items()}


@cache
def _due() -> Definitions:
    tables = {("table", table.name): tuple(sorted(_table(table))) for table in schema.metadata.tables.values()}
    indexes = {("index", _index_name(key)): (_index(key),) for key in _keys()}
    return {**tables, **indexes, ("function", "append_batch"): (_function(),), **_VERSIONS}


def _table(table: Table) -> Iterator[str]:
    yield "0 r p f f f f"
    for number, column in enumerate(table.columns, 1):
        yield f"1 {number:04} {_column(column)}"
    for key in _keys_of(table):
        yield f"2 {_index_name(key)} {'PRIMARY KEY' if _is_primary(key) else 'UNIQUE'} ({_columns(key)})"


def _column(column: Column[object]) -> str:
    kind = column.type.compile(dialect=postgresql.dialect()).lower()  # type: ignore[no-untyped-call]
    return f"{column.name} {kind}" + (" NOT NULL" if not column.nullable else "")


def _keys() -> list[Constraint]:
    return [key for table in schema.metadata.tables.values() for key in _keys_of(table)]


def _keys_of(table: Table) -> list[Constraint]:
    return [key for key in table.constraints if isinstance(key, PrimaryKeyConstraint | UniqueConstraint)]


def _index(key: Constraint) -> str:
    made = f"CREATE UNIQUE INDEX {_index_name(key)} ON {key.table.name} USING btree ({_columns(key)})"
    return f"0 i p f f f f {made}"


def _index_name(key: Constraint) -> str:
    return str(key.name or f"{key.table.name}_pkey")


def _columns(key: Constraint) -> str:
    assert isinstance(key, PrimaryKeyConstraint | UniqueConstraint)
    return ", ".join(column.name for column in key.columns)


def _is_primary(key: Constraint) -> bool:
    return isinstance(key, PrimaryKeyConstraint)


def _function() -> str:
    arguments = ", ".join(" ".join(each) for each in function.ARGUMENTS)
    answer = ", ".join(" ".join(each) for each in function.RESULT)
    settings = " ".join(function.SETTINGS)
    made = f"f plpgsql v u f f f {arguments} TABLE({answer}) {settings} {function.BODY}"
    return made.replace('"', "")
