"""Tables partitioned by month on PostgreSQL, which cannot turn a table into a partitioned one.

A second table is made, takes the rows, and takes the first one's place; so too on the way back.
"""

from collections.abc import Iterable, Mapping

LIKE = "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS"


def partition(table: str, by: str, indexes: Mapping[str, str], months: Iterable[tuple[str, str, str]]) -> list[str]:
    """`indexes`: the columns of each index by its name; a month: its name, first day and the first day after."""
    parts = [
        f"CREATE TABLE {table}_{name} PARTITION OF {table} FOR VALUES FROM ('{first} 00:00+00') TO ('{after} 00:00+00')"
        for name, first, after in months
    ]
    parts.append(f"CREATE TABLE {table}_other PARTITION OF {table} DEFAULT")
    return _replace(table, f" PARTITION BY RANGE ({by})", f"id, {by}", indexes, parts)


def unpartition(table: str, indexes: Mapping[str, str]) -> list[str]:
    return _replace(table, "", "id", indexes, [])


def _replace(table: str, form: str, key: str, indexes: Mapping[str, str], parts: list[str]) -> list[str]:
    return [
        f"ALTER TABLE {table} RENAME TO {table}_before",
        f"ALTER TABLE {table}_before RENAME CONSTRAINT {table}_pkey TO {table}_before_pkey",
        *(f"ALTER INDEX {name} RENAME TO {name}_before" for name in indexes),
        f"CREATE TABLE {table} (LIKE {table}_before {LIKE}){form}",
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({key})",
        *parts,
        f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM {table}_before",
        *(f"CREATE INDEX {name} ON {table} ({columns})" for name, columns in indexes.items()),
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), GREATEST(MAX(id) + 1, "
        f"nextval(pg_get_serial_sequence('{table}_before', 'id'))), false) FROM {table}",
        f"DROP TABLE {table}_before",
    ]
