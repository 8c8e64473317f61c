"""Tables partitioned by month on MariaDB and MySQL, in place. RANGE is on the column itself, so that it prunes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.mysql import populated as populated_tables
from config.schema.dialects.partitions import Month, Part, Populated, execute, instant

TABLE_EXISTS = 1050
PARTS = """
    SELECT PARTITION_NAME, PARTITION_DESCRIPTION FROM information_schema.PARTITIONS
    WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND PARTITION_METHOD = 'RANGE COLUMNS'
    AND PARTITION_EXPRESSION = %s AND SUBPARTITION_NAME IS NULL ORDER BY PARTITION_ORDINAL_POSITION
"""


def partition(table: str, by: str, months: Iterable[tuple[str, str, str]]) -> list[str]:
    """A month is its name, its first day and the first day after."""
    parts = [f"PARTITION p{name} VALUES LESS THAN ('{after}')" for name, _, after in months]
    parts.append("PARTITION p_other VALUES LESS THAN (MAXVALUE)")
    return [
        f"ALTER TABLE {table} DROP PRIMARY KEY, ADD PRIMARY KEY (id, {by})",
        f"ALTER TABLE {table} PARTITION BY RANGE COLUMNS ({by}) ({', '.join(parts)})",
    ]


def unpartition(table: str) -> list[str]:
    return [
        f"ALTER TABLE {table} REMOVE PARTITIONING",
        f"ALTER TABLE {table} DROP PRIMARY KEY, ADD PRIMARY KEY (id)",
    ]


class MySQLPartitions:
    """Every month is a part of the one table, made and dropped by one ALTER TABLE.

    Out of the rest, months are made by REORGANIZE PARTITION: nobody writes to the table while the rows of the rest are
    copied, which takes a moment where the months are made ahead, as it has none then.

    On MariaDB an attempt that does not get its lock can leave the copy that it had begun, where a thread of the server
    still looks at it. The next attempt then ends with "already exists", and takes that copy away by itself.
    """

    rest_may_be_old = False

    def parts(self, connection: Any, table: str, by: str) -> list[Part] | None:
        with connection.cursor() as cursor:
            cursor.execute(PARTS, [table, f"`{by}`"])
            found = cursor.fetchall()
        parts: list[Part] = []
        for name, bound in found:
            begin = parts[-1].end if parts else None
            end = None if bound == "MAXVALUE" else instant(bound)
            parts.append(Part(name, begin, end, is_rest=end is None))
        return parts or None

    def source(self, connection: Any, table: str, part: Part) -> str:
        return f"`{table}` PARTITION (`{part.name}`)"

    def make(
        self, connection: Any, waits: Any, table: str, column: str, months: Sequence[Month], rest: Part | None
    ) -> None:
        parts = [f"PARTITION p{name} VALUES LESS THAN ('{after}')" for name, _, after in months]
        if rest:
            parts.append(f"PARTITION `{rest.name}` VALUES LESS THAN (MAXVALUE)")
        how = f"REORGANIZE PARTITION `{rest.name}` INTO" if rest else "ADD PARTITION"
        statement = f"ALTER TABLE `{table}` {how} ({', '.join(parts)})"
        try:
            self._alter(connection, waits, statement)
        except DatabaseError as error:
            if not error.args or error.args[0] != TABLE_EXISTS:
                raise
            self._alter(connection, waits, statement)

    def drop(self, connection: Any, waits: Any, table: str, part: Part) -> None:
        self._alter(connection, waits, f"ALTER TABLE `{table}` DROP PARTITION `{part.name}`")

    def partition(self, populated: Populated, now: datetime) -> None:
        populated_tables.partition(populated, self._parts_of(populated), now)

    def unpartition(self, populated: Populated) -> None:
        populated_tables.unpartition(populated, self._parts_of(populated))

    def _parts_of(self, populated: Populated) -> list[Part] | None:
        return self.parts(populated.connection, populated.table, populated.column)

    def _alter(self, connection: Any, waits: Any, statement: str) -> None:
        waits.statement(statement, lambda sql: execute(connection, [sql]))
