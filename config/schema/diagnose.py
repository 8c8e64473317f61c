"""How heavy the tables are, which indexes are used, and who stands in whose way; it only reads, and within a limit."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from django.db import DatabaseError

from config.schema.dialects import dialect
from config.schema.dialects.catalogue import Table
from config.schema.dialects.diagnosis import Blocked, IndexUse, Seen, TableWeight
from config.schema.dialects.waits import Holder
from config.schema.direct import first_line


@dataclass(frozen=True)
class Diagnosed:
    """What was seen of one database. Where something could not be seen, `Seen.unseen` says why."""

    tables: Seen[TableWeight]
    indexes: Seen[IndexUse]
    transactions: Seen[Holder]
    blocked: Seen[Blocked]

    @property
    def unused(self) -> tuple[IndexUse, ...]:
        """The indexes that nobody has used since the engine began to count, and that hold no rule."""
        return tuple(each for each in self.indexes.found if each.used == 0 and not each.unique)


def diagnose(connection: Any, *, long: float, limit: float, table: str | None = None) -> Diagnosed:
    """Look at a database, or at one table of it. `long`: how many seconds make a transaction a long one; `limit`: how
    many seconds one query may take. What was not answered within them is unseen.
    """
    engine = dialect(connection).diagnosis

    def look(ask: Callable[[], Seen[Any]]) -> Seen[Any]:
        try:
            with engine.reading(connection, limit):
                return ask()
        except DatabaseError as error:
            return Seen(
                (), f"This was not answered within {limit:g} s ({first_line(error)}): give --limit more seconds."
            )

    tables = look(lambda: engine.tables(connection))
    indexes = look(lambda: engine.indexes(connection))
    heaviest = sorted(tables.found, key=lambda each: (-(each.data_bytes or 0) - (each.index_bytes or 0), each.name))
    sorted_indexes = sorted(indexes.found, key=lambda each: (each.table, each.name))
    return Diagnosed(
        replace(tables, found=tuple(each for each in heaviest if table in (None, each.name))),
        replace(indexes, found=tuple(each for each in sorted_indexes if table in (None, each.table))),
        look(lambda: engine.transactions(connection, long)),
        look(lambda: engine.blocked(connection)),
    )


def one_table(connection: Any, name: str) -> Table | None:
    """The columns and keys of a table, as the catalogue has them; None where there is none."""
    return dialect(connection).catalogue.read(connection).get(name)
