"""Makes a partitioned table of PostgreSQL a plain one with all its rows, while others read and write it.

Its largest part takes its name, and the others are children of that by inheritance, so that whoever reads finds their
rows, until these have been moved into it, batch by batch.
"""

import time
from typing import Any

from django.db import IntegrityError

from config.schema.dialects.postgresql.carrying import numbers, rights
from config.schema.dialects.postgresql.populated import BY_VIEWS, KEY_NAME, Work
from config.schema.exits import Refused

FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 1_000, 100, 50_000
BATCH_SECONDS = 0.1
"""How long a batch shall take, and so how long somebody waits who changes a row of that part."""
CHILDREN = """
    SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = to_regclass(%s) ORDER BY pg_relation_size(c.oid) DESC, c.relname
"""
NAMES_OF_INDEXES = """
    SELECT part.relname, whole.relname FROM pg_inherits h JOIN pg_class part ON part.oid = h.inhrelid
    JOIN pg_class whole ON whole.oid = h.inhparent JOIN pg_index i ON i.indexrelid = part.oid
    WHERE i.indrelid = to_regclass(%s)
"""
COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
    AND attgenerated = '' ORDER BY attnum
"""
UNIQUE_BESIDE = """
    SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND NOT i.indisprimary AND c.relname <> %s
"""


class Joining(Work):
    """From a table in parts to a plain one with all their rows."""

    @property
    def key_index(self) -> str:
        return f"{self.table}_pkey_alone"

    def run(self) -> None:
        if self.is_divided():
            self.populated.refuse_alike()
            self.refuse([BY_VIEWS])
            found = self.rows(UNIQUE_BESIDE, self.name, self.key_index)
            if found and not self.populated.blocking:
                raise Refused(
                    f"{self.table} has something unique beside its key ({found[0][0]}), to which nobody could hold new "
                    "rows while the older ones are moved back: announce a window, in which nobody writes, and give the "
                    "operation blocking='because ...'."
                )
            self.whole({self.table}, lambda: self._exchange(at_once=bool(found)))
        for (child,) in self.rows(CHILDREN, self.name):
            self._empty(child)
            self._drop(child)
        if self.key_columns() != [self.populated.key]:
            self._key_alone()
        self.run_alone(f"ANALYZE {self.name}")

    def _exchange(self, *, at_once: bool) -> None:
        parts = [name for (name,) in self.rows(CHILDREN, self.name)]
        if not parts:
            raise Refused(f"{self.table} has no part left that could take its rows: make one, and run this again.")
        largest, *others = map(self.quote, parts)
        indexes = self.rows(NAMES_OF_INDEXES, largest)
        self.say(
            *(f"ALTER TABLE {self.name} DETACH PARTITION {part}" for part in (largest, *others)),
            *rights(self.populated, self.name, largest),
            *numbers(self.populated, self.name, largest),
            f"DROP TABLE {self.name}",
            f"ALTER TABLE {largest} RENAME TO {self.name}",
            *(f"ALTER INDEX {self.quote(part)} RENAME TO {self.quote(whole)}" for part, whole in indexes),
        )
        for each in others:
            if at_once:
                self.say(self._moved(each), f"DROP TABLE {each}")
            else:
                # Nobody but us has to clear away what is dropped in the end, and that would stand in our way.
                self.say(
                    f"ALTER TABLE {each} SET (autovacuum_enabled = false)", f"ALTER TABLE {each} INHERIT {self.name}"
                )

    def _moved(self, child: str, condition: str = "TRUE") -> str:
        columns = ", ".join(self.quote(column) for (column,) in self.rows(COLUMNS, self.name))
        return (
            f"WITH moved AS (DELETE FROM ONLY {child} WHERE {condition} RETURNING {columns}) "
            f"INSERT INTO {self.name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM moved"
        )

    def _empty(self, child: str) -> None:
        """Move its rows in batches, in the order of the key, so that nothing is gone through twice."""
        behind, count, moved = None, FIRST_ROWS, 0
        while True:
            began = time.monotonic()
            behind, found = self._batch(child, behind, count)
            moved += found
            if behind is None:
                break
            # What waited for the batch is let through before the next one.
            took = time.monotonic() - began
            count = int(min(MOST_ROWS, max(LEAST_ROWS, count * min(2.0, max(0.5, BATCH_SECONDS / max(took, 0.001))))))
        if moved:
            self.populated.waits.say(f"{self.table}: {moved:,} rows of {child} are moved back.")

    def _batch(self, child: str, behind: Any, count: int) -> tuple[Any, int]:
        """Move so many rows; the key up to which all are moved, None at the end of the part, and how many they were.

        Whoever changes or locks a row of the part waits before it has looked: after the batch it finds the row in its
        new place. Rows are added to the table itself, and read, meanwhile.
        """
        part, upto, moved = self.quote(child), None, 0

        def work() -> None:
            nonlocal upto, moved
            self.say(f"LOCK TABLE ONLY {part} IN EXCLUSIVE MODE")
            after = f"{self.key} > %s" if behind is not None else "TRUE"
            values = [behind] if behind is not None else []
            query = f"SELECT {self.key} FROM ONLY {part} WHERE {after} ORDER BY {self.key} LIMIT 1 OFFSET {count - 1}"
            upto = next((key for (key,) in self.rows(query, *values)), None)
            if upto is not None:
                after, values = f"{after} AND {self.key} <= %s", [*values, upto]
            with self.connection.cursor() as cursor:
                cursor.execute(self._moved(part, after), values)
                moved = cursor.rowcount

        self.populated.waits.begin_migration(f"To move rows of {child} back")
        try:
            self.whole(set(), work)
        except IntegrityError as error:
            raise Refused(
                f"Rows of {child} are moved back into {self.table}, and it has another row of the same key: remove one "
                "of the two, and run this again."
            ) from error
        return upto, moved

    def _drop(self, child: str) -> None:
        part = self.quote(child)

        def work() -> None:
            if self.rows(f"SELECT 1 FROM ONLY {part} LIMIT 1"):
                raise Refused(f"Somebody adds rows to {child} itself, which is about to go: end that.")
            self.say(f"DROP TABLE {part}")

        self.whole({child}, work)

    def _key_alone(self) -> None:
        try:
            self.index(self.key_index, self.key)
        except IntegrityError:
            self.populated.refuse_alike()
            raise
        [(name,)] = self.rows(KEY_NAME, self.name)
        self.run_alone(
            f"ALTER TABLE {self.name} DROP CONSTRAINT {self.quote(name)}, "
            f"ADD CONSTRAINT {self.quote(name)} PRIMARY KEY USING INDEX {self.quote(self.key_index)}"
        )
