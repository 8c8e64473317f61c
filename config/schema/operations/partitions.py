"""Tables partitioned by month."""

from collections.abc import Iterator, Mapping
from typing import Any

from config.schema.dialects.mysql import partitions as mysql
from config.schema.dialects.postgresql import partitions as postgresql
from config.schema.operations.statements import UNCHANGED, DialectSQL, Statements


class PartitionByMonth(DialectSQL):
    """Partition a table by month on the servers, and back, keeping its rows; SQLite has no partitions.

    The key in the database becomes (id, `by`): a partitioned table's key holds the column that it is partitioned by.
    No foreign key may lead in or out. Rows of later months lie in one last part, those of earlier ones there too on
    PostgreSQL and in the first on MariaDB. It rewrites the table under a lock, so it is for a table still small.
    """

    def __init__(self, table: str, *, by: str, indexes: Mapping[str, str], first: str, months: int) -> None:
        """`indexes`: the columns of each index by its name; `first`: the first month, as YYYY-MM."""
        self.arguments = {"by": by, "indexes": dict(indexes), "first": first, "months": months}
        self.table = table
        names = list(month_bounds(first, months))
        on_mysql = Statements(forward=mysql.partition(table, by, names), reverse=mysql.unpartition(table))
        super().__init__(
            f"Partition {table} by month",
            postgresql=Statements(
                forward=postgresql.partition(table, by, indexes, names), reverse=postgresql.unpartition(table, indexes)
            ),
            mariadb=on_mysql,
            mysql=on_mysql,
            sqlite=UNCHANGED,
        )

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return type(self).__qualname__, [self.table], self.arguments


def month_bounds(first: str, months: int) -> Iterator[tuple[str, str, str]]:
    """Each month from `first` (YYYY-MM) on, as its name, its first day and the first day after it."""
    begin = int(first[:4]) * 12 + int(first[5:]) - 1
    for number in range(begin, begin + months):
        (year, month), (next_year, next_month) = divmod(number, 12), divmod(number + 1, 12)
        yield f"{year}_{month + 1:02}", f"{year}-{month + 1:02}-01", f"{next_year}-{next_month + 1:02}-01"
