"""SQLite: dbstat for the weight, sqlite_stat1 for what ANALYZE counted; it knows no sessions and counts no use."""

import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.catalogue import rows
from config.schema.dialects.diagnosis import Blocked, IndexUse, Seen, TableWeight
from config.schema.dialects.waits import Holder

TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
BYTES = """
SELECT m.tbl_name, m.type, m.name, s.pgsize FROM dbstat s JOIN sqlite_master m ON m.name = s.name
WHERE s.aggregate = TRUE"""
INDEXES = """
SELECT m.name, l.name, l."unique", i.name FROM sqlite_master m JOIN pragma_index_list(m.name) l
JOIN pragma_index_info(l.name) i
WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, l.name, i.seqno"""
COUNTED = "SELECT tbl, idx, stat FROM sqlite_stat1"
HAS_COUNTED = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'"
INSTRUCTIONS = 1000
"""After so many of its machine's instructions the clock is looked at."""
NO_SESSIONS = "SQLite keeps no list of sessions: the operating system knows who has the file open (fuser FILE)."


class SQLiteDiagnosis:
    @contextlib.contextmanager
    def reading(self, connection: Any, seconds: float) -> Iterator[None]:
        began = time.monotonic()

        def begin(execute: Any, *arguments: Any) -> Any:
            nonlocal began
            began = time.monotonic()
            return execute(*arguments)

        rows(connection, "PRAGMA query_only = ON")
        connection.connection.set_progress_handler(lambda: time.monotonic() > began + seconds, INSTRUCTIONS)
        try:
            with connection.execute_wrapper(begin):
                yield
        finally:
            connection.connection.set_progress_handler(None, 0)
            rows(connection, "PRAGMA query_only = OFF")

    def tables(self, connection: Any) -> Seen[TableWeight]:
        counted = {table: number for (table, _), (number, _) in self._counted(connection).items()}
        weight: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        unseen = [] if counted else ["The rows have never been counted: run ANALYZE."]
        try:
            for table, kind, _, size in rows(connection, BYTES):
                weight[table][kind] += size
        except DatabaseError:
            unseen.append("Sizes are not known, as this SQLite was built without dbstat.")
        found = tuple(
            TableWeight(
                name,
                counted.get(name),
                weight[name]["table"] if name in weight else None,
                weight[name]["index"] if name in weight else None,
            )
            for (name,) in rows(connection, TABLES)
        )
        return Seen(found, " ".join(unseen))

    def indexes(self, connection: Any) -> Seen[IndexUse]:
        counted = self._counted(connection)
        sizes: dict[str, int] = {}
        with contextlib.suppress(DatabaseError):
            sizes = {name: size for _, kind, name, size in rows(connection, BYTES) if kind == "index"}
        columns: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
        for table, name, unique, column in rows(connection, INDEXES):
            columns[table, name, bool(unique)].append(column or "")
        found = tuple(
            IndexUse(table, name, tuple(own), unique, counted.get((table, name), (0, None))[1], sizes.get(name), None)
            for (table, name, unique), own in columns.items()
        )
        return Seen(found, "SQLite does not count which index is used; EXPLAIN QUERY PLAN shows it of one query.")

    def _counted(self, connection: Any) -> dict[tuple[str, str | None], tuple[int, int | None]]:
        """By table and index what ANALYZE counted: the rows, and about how many different keys."""
        if not rows(connection, HAS_COUNTED):
            return {}
        found: dict[tuple[str, str | None], tuple[int, int | None]] = {}
        for table, name, numbers in rows(connection, COUNTED):
            # How many rows there are, then how many have the same first columns, one after the other.
            number, *alike = (int(each) for each in numbers.split() if each.isdecimal())
            found[table, name] = number, (round(number / alike[-1]) if alike and alike[-1] else None)
        return found

    def transactions(self, connection: Any, seconds: float) -> Seen[Holder]:
        return Seen((), NO_SESSIONS)

    def blocked(self, connection: Any) -> Seen[Blocked]:
        return Seen((), NO_SESSIONS)
