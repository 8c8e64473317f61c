"""Tables partitioned by month on MariaDB and MySQL, in place. RANGE is on the column itself, so that it prunes."""

from collections.abc import Iterable


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
