"""Partitions a table of MariaDB or MySQL that has rows, and back.

The server does it in a copy while writes wait, so pt-online-schema-change does it where the operation says so. The
catalogue tells whether it is done; what a killed run has left is cleared by the next.
"""

from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError

from config.schema.dialects.mysql.copying import TOOL, copying
from config.schema.dialects.partitions import Part, Populated, execute
from config.schema.exits import Refused
from config.schema.months import MONTHS_AHEAD, later, month_of, months_between

MOST_MONTHS = 120
"""So many past months get a part of their own; the first one takes all that is older."""
KEY = """
    SELECT COLUMN_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX
"""
REFERENCES = """
    SELECT CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
    WHERE CONSTRAINT_SCHEMA = DATABASE() AND (TABLE_NAME = %s OR REFERENCED_TABLE_NAME = %s) ORDER BY 1
"""
UNIQUE = """
    SELECT INDEX_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND NON_UNIQUE = 0 AND INDEX_NAME <> 'PRIMARY'
    GROUP BY INDEX_NAME HAVING SUM(COLUMN_NAME = %s) = 0 ORDER BY 1
"""
OTHER_KINDS = """
    SELECT DISTINCT INDEX_NAME FROM information_schema.STATISTICS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND INDEX_TYPE IN ('FULLTEXT', 'SPATIAL') ORDER BY 1
"""


def partition(populated: Populated, parts: list[Part] | None, now: datetime) -> None:
    """`parts`: those that the table has by now."""
    if parts is not None:
        return
    if _key(populated) != [populated.key]:
        raise Refused(f"The primary key of {populated.table} is not {populated.key} alone: make it so first.")
    _refuse_what_is_in_the_way(populated)
    key, by = populated.quote(populated.key), populated.quote(populated.column)
    months = months_between(_first(populated, now), later(month_of(now), MONTHS_AHEAD + 1))
    said = [f"PARTITION p{name} VALUES LESS THAN ('{after}')" for name, _, after in months]
    said.append("PARTITION p_other VALUES LESS THAN (MAXVALUE)")
    _copied(
        populated,
        f"DROP PRIMARY KEY, ADD PRIMARY KEY ({key}, {by}) PARTITION BY RANGE COLUMNS ({by}) ({', '.join(said)})",
    )


def unpartition(populated: Populated, parts: list[Part] | None) -> None:
    """The key last and by the server itself, beside writers: the tool would leave out a second row of one key."""
    if parts is not None:
        populated.refuse_alike()
        _copied(populated, "REMOVE PARTITIONING")
    if _key(populated) != [populated.key]:
        key = populated.quote(populated.key)
        change = f"DROP PRIMARY KEY, ADD PRIMARY KEY ({key}), ALGORITHM=INPLACE, LOCK=NONE"
        try:
            populated.run(f"ALTER TABLE {populated.quote(populated.table)} {change}")
        except IntegrityError:
            populated.refuse_alike()
            raise


def _copied(populated: Populated, change: str) -> None:
    """Do what the server would copy the table for; a table without rows it copies at once."""
    connection, table = populated.connection, populated.quote(populated.table)
    statement = f"ALTER TABLE {table} {change}"
    if populated.blocking or not populated.rows(f"SELECT 1 FROM {table} LIMIT 1"):
        populated.run(statement)
        return
    if not populated.executor:
        raise Refused(
            f"The server would copy {populated.table} while writes wait: give the operation executor='pt-osc', which "
            "lets another program copy it, or announce a window and say blocking='because ...'."
        )
    if not connection.mysql_is_mariadb:
        raise Refused(
            f"{TOOL} is not proved on MySQL: {populated.table} was left as it is. Announce a window and say "
            "blocking='because ...' instead of executor=."
        )
    populated.guard()
    with copying(connection, populated.table):
        execute(connection, [statement])


def _key(populated: Populated) -> list[str]:
    return [column for (column,) in populated.rows(KEY, populated.table)]


def _first(populated: Populated, now: datetime) -> datetime:
    """The month of the oldest row, as far back as months get parts of their own."""
    by, table = populated.quote(populated.column), populated.quote(populated.table)
    least = later(month_of(now), -MOST_MONTHS)
    query = f"SELECT MIN({by}) FROM {table} WHERE {by} >= %s"
    [(oldest,)] = populated.rows(query, least.replace(tzinfo=None))
    older = populated.rows(f"SELECT 1 FROM {table} WHERE {by} < %s LIMIT 1", least.replace(tzinfo=None))
    if older:
        return least
    return min(month_of(now), month_of((oldest or now).replace(tzinfo=UTC)))


def _refuse_what_is_in_the_way(populated: Populated) -> None:
    table = populated.table
    looks: tuple[tuple[list[Any], str, str], ...] = (
        (
            populated.rows(REFERENCES, table, table),
            "foreign keys lead from or to it ({}), and a partitioned table has none",
            "let the application alone hold them (db_constraint=False) by an AlterField before this",
        ),
        (
            populated.rows(UNIQUE, table, populated.column),
            "it has what is unique without the column of the month ({}), which no partitioned table can hold",
            "add that column to it, or remove it",
        ),
        (
            populated.rows(OTHER_KINDS, table),
            "it has indexes of texts or of places ({}), which no partitioned table has",
            "remove them before this",
        ),
    )
    for found, what, way_out in looks:
        if found:
            names = ", ".join(name for (name,) in found[:3])
            raise Refused(f"{table} cannot be partitioned while {what.format(names)}: {way_out}.")
