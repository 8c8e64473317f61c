"""Tables partitioned by month on PostgreSQL, which cannot turn a table into a partitioned one.

A second table is made, takes the rows, and takes the first one's place; so too on the way back.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from config.schema.dialects.partitions import Month, Part, Populated, execute, instant
from config.schema.dialects.postgresql.dividing import Dividing
from config.schema.dialects.postgresql.joining import Joining
from config.schema.exits import Refused

LIKE = "INCLUDING DEFAULTS INCLUDING IDENTITY INCLUDING CONSTRAINTS"
LIKE_A_PART = "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING INDEXES INCLUDING STORAGE"
"""The numbers of its rows come from the whole table, so it has none of its own."""
EARLIEST = datetime.min.replace(tzinfo=UTC)
BOUND = re.compile(r"FOR VALUES FROM \((MINVALUE|'[^']+')\) TO \((MAXVALUE|'[^']+')\)\Z")
KEY = """
    SELECT a.attname FROM pg_partitioned_table p CROSS JOIN unnest(p.partattrs::int2[]) key(number)
    LEFT JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = key.number AND a.attnum > 0
    WHERE p.partrelid = to_regclass(%s) AND p.partstrat = 'r'
"""
PARTS = """
    SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), n.nspname
    FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE h.inhparent = to_regclass(%s)
"""


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


class PostgreSQLPartitions:
    """Every month is a table, made or dropped in one transaction that waits for its locks outside their queue."""

    rest_may_be_old = True

    def parts(self, connection: Any, table: str, by: str) -> list[Part] | None:
        with connection.cursor() as cursor:
            cursor.execute(KEY, [_quoted(connection, table)])
            if [by] != [column for (column,) in cursor.fetchall()]:
                return None
            cursor.execute(PARTS, [_quoted(connection, table)])
            parts = [_part(*row) for row in cursor.fetchall()]
        return sorted(parts, key=lambda part: (part.is_rest, part.begin or EARLIEST))

    def source(self, connection: Any, table: str, part: Part) -> str:
        return _of_part(connection, part)

    def make(
        self, connection: Any, waits: Any, table: str, column: str, months: Sequence[Month], rest: Part | None
    ) -> None:
        for month in months:
            self._refuse_a_name_that_is_taken(connection, table, f"{table}_{month[0]}")
            # The whole table, as a row that is on its way into the rest when its month is made would be refused.
            self._whole(connection, waits, {table}, make(table, column, month, rest))

    def drop(self, connection: Any, waits: Any, table: str, part: Part) -> None:
        """Detached first, in the same transaction: the server itself then refuses what is no part any more."""
        whole, month = _quoted(connection, table), _of_part(connection, part)
        statements = [f"ALTER TABLE {whole} DETACH PARTITION {month}", f"DROP TABLE {month}"]

        def refuse_another() -> None:
            with connection.cursor() as cursor:
                cursor.execute(PARTS, [whole])
                if part not in [_part(*row) for row in cursor.fetchall()]:
                    raise Refused(
                        f"{month} is no part of {table} any more, or not of the same time, as somebody has changed "
                        "that, so it was left as it is: keep it or drop it yourself, and run this again."
                    )

        self._whole(connection, waits, {table}, statements, refuse_another)

    def partition(self, populated: Populated, now: datetime) -> None:
        Dividing(populated).run(now)

    def unpartition(self, populated: Populated) -> None:
        Joining(populated).run()

    def _whole(
        self,
        connection: Any,
        waits: Any,
        names: set[str],
        statements: list[str],
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """`look`: asked when the tables are held, so that what it sees stays so."""

        def work(take: Callable[[], None]) -> None:
            with transaction.atomic(using=connection.alias), connection.execute_wrapper(waits.inside):
                take()
                look()
                execute(connection, statements)

        waits.whole(names, work)

    def _refuse_a_name_that_is_taken(self, connection: Any, table: str, name: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s)", [_quoted(connection, name)])
            if cursor.fetchone() != (None,):
                raise Refused(f"{name} is there and is no part of {table}: attach it or rename it, and run this again.")


def make(table: str, column: str, month: Month, rest: Part | None) -> list[str]:
    """The new part takes its rows out of the rest before it is attached, as the server refuses it else."""
    name, first, after = month
    begin, end = f"'{first} 00:00+00'", f"'{after} 00:00+00'"
    part = f'"{table}_{name}"'
    other = f'"{rest.schema}"."{rest.name}"' if rest else ""
    moved = f'DELETE FROM {other} WHERE "{column}" >= {begin} AND "{column}" < {end} RETURNING *'
    return [
        f'CREATE TABLE {part} (LIKE "{table}" {LIKE_A_PART})',
        *([f"WITH moved AS ({moved}) INSERT INTO {part} SELECT * FROM moved"] if rest else []),
        f'ALTER TABLE "{table}" ATTACH PARTITION {part} FOR VALUES FROM ({begin}) TO ({end})',
    ]


def _part(name: str, bound: str, schema: str) -> Part:
    found = BOUND.match(bound)
    if not found:
        return Part(name, is_rest=bound == "DEFAULT", schema=schema)
    begin, end = (None if said in ("MINVALUE", "MAXVALUE") else instant(said) for said in found.groups())
    return Part(name, begin, end, schema=schema)


def _of_part(connection: Any, part: Part) -> str:
    """Its name with its schema, as a table of that name may stand before it in the search path."""
    return f"{_quoted(connection, part.schema)}.{_quoted(connection, part.name)}"


def _quoted(connection: Any, name: str) -> str:
    return str(connection.ops.quote_name(name))
