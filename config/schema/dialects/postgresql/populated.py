"""Partitions a table of PostgreSQL that has rows, and back, while others read and write it. No row is copied there.

There: the table becomes the first part of a new one that takes its name. A validated check says before that all its
rows belong into that part, so that nobody waits for a look at them. Back: its largest part takes the name again, and
the others are its children by inheritance until their rows have been moved into it, batch by batch.

Each step is one statement or one transaction, and the catalogue tells which of them are done. So what was killed is
gone on with by looking again.
"""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from config.schema.dialects.partitions import Month, Populated, execute, instant
from config.schema.dialects.postgresql.carrying import carry_numbers, carry_rights
from config.schema.dialects.postgresql.statements import PostgreSQLStatements
from config.schema.exits import Refused
from config.schema.months import MONTHS_AHEAD, later, month_of, months_between

LIKE = " ".join(
    f"INCLUDING {each}"
    for each in ("DEFAULTS", "GENERATED", "CONSTRAINTS", "STORAGE", "COMPRESSION", "STATISTICS", "COMMENTS")
)
RANGE = "rows_before_"
"""What the check that spares the look at the rows is called, before its month."""
MARGIN = timedelta(days=1)
"""How long before its month ends such a check, which refuses rows from then on, is replaced."""
MOST_MONTHS_AHEAD = 24
FIRST_ROWS, LEAST_ROWS, MOST_ROWS = 1_000, 100, 50_000
BATCH_SECONDS = 0.1
LONGEST_NAME = 48

KEY = """
    SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY key(number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.number
    WHERE i.indrelid = to_regclass(%s) AND i.indisprimary ORDER BY key.place
"""
KEY_NAME = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'"
IS_DIVIDED = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)"
CHILDREN = """
    SELECT c.relname FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
    WHERE h.inhparent = to_regclass(%s) ORDER BY pg_relation_size(c.oid) DESC, c.relname
"""
RANGES = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'c' AND conname ~ %s"
IS_VALIDATED = "SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s"
INDEXES = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(con.oid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('u', 'x')
    WHERE i.indrelid = to_regclass(%s) AND NOT i.indisprimary AND c.relname <> %s ORDER BY i.indexrelid
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
VIEWS = """
    SELECT DISTINCT v.oid::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = to_regclass(%(table)s) AND v.oid <> d.refobjid
"""
BY_VIEWS = (VIEWS, "a view shows it ({}), and would go on to show the first part alone", "drop it, and make it again")
IN_THE_WAY = (
    (
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND to_regclass(%(table)s) IN (conrelid, confrelid)",
        "foreign keys lead from or to it ({}), and a partitioned table has none here",
        "let the application alone hold them (db_constraint=False) by an AlterField before this",
    ),
    (
        """SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a
           ON a.attrelid = i.indrelid AND a.attname = %(column)s
           WHERE i.indrelid = to_regclass(%(table)s) AND NOT i.indisprimary AND (i.indisexclusion OR i.indisunique AND a.attnum <> ALL((i.indkey::int2[])[0:i.indnkeyatts - 1]))""",
        "it has what is unique without the column of the month ({}), which no partitioned table can hold",
        "add that column to it, or remove it",
    ),
    (
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%(table)s) AND NOT tgisinternal",
        "it has triggers ({})",
        "drop them before this, and make them again on the partitioned table",
    ),
    (
        """SELECT r.rulename FROM pg_rewrite r WHERE r.ev_class = to_regclass(%(table)s)
           UNION ALL SELECT polname FROM pg_policy WHERE polrelid = to_regclass(%(table)s)""",
        "it has rules or policies ({})",
        "drop them before this, and make them again on the partitioned table",
    ),
    BY_VIEWS,
    (
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE to_regclass(%(table)s) IN (inhparent, inhrelid)",
        "tables inherit ({})",
        "end that by ALTER TABLE ... NO INHERIT",
    ),
    (
        """SELECT p.pubname FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
           WHERE r.prrelid = to_regclass(%(table)s)""",
        "it is published by name ({})",
        "take it out of the publication before this, and put the partitioned table in",
    ),
    (
        f"""SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%(table)s) AND contype = 'c'
            AND (NOT convalidated OR connoinherit) AND conname !~ '^{RANGE}'""",
        "it has checks that are not validated, or that no part would inherit ({})",
        "validate them or make them again",
    ),
    (
        "SELECT relname FROM pg_class WHERE oid = to_regclass(%(table)s) AND relpersistence <> 'p'",
        "it is unlogged or temporary ({})",
        "say SET LOGGED before this",
    ),
)


def partition(populated: Populated, now: datetime) -> None:
    _There(populated).run(now)


def unpartition(populated: Populated) -> None:
    _Back(populated).run()


class _Work:
    """What both ways have in common."""

    def __init__(self, populated: Populated) -> None:
        self.populated, self.connection, self.table = populated, populated.connection, populated.table
        self.quote, self.rows, self.run_alone = populated.quote, populated.rows, populated.run
        self.name, self.key, self.by = (self.quote(each) for each in (self.table, populated.key, populated.column))
        if len(self.table) > LONGEST_NAME:
            raise Refused(f"{self.table} is too long a name for the names of its parts; give it a shorter one first.")

    def is_divided(self) -> bool:
        [(found,)] = self.rows(IS_DIVIDED, self.name) or [(None,)]
        if found is None:
            raise Refused(f"There is no table {self.table}: run migrate first.")
        return bool(found)

    def key_columns(self) -> list[str]:
        return [column for (column,) in self.rows(KEY, self.name)]

    def whole(self, tables: set[str], work: Callable[[], None]) -> None:
        """Do it in one transaction, which has all locks of these tables, waited for outside their queue."""

        def attempt(take: Callable[[], None]) -> None:
            with (
                transaction.atomic(using=self.connection.alias),
                self.connection.execute_wrapper(self.populated.waits.inside),
            ):
                take()
                self.populated.guard()
                work()

        self.populated.waits.whole(tables, attempt)

    def say(self, *statements: str) -> None:
        execute(self.connection, statements)

    def index(self, name: str, columns: str) -> None:
        """Build a unique index beside those who write, unless it is there; one that is half made is built anew."""
        sql = f"CREATE UNIQUE INDEX CONCURRENTLY {self.quote(name)} ON {self.name} ({columns})"

        def happened() -> bool:
            return PostgreSQLStatements().happened(self.connection, sql, "")

        def clear() -> None:
            happened()

        if not happened():
            self.run_alone(sql, clear)

    def refuse(self, looks: Sequence[tuple[str, str, str]]) -> None:
        for query, what, way_out in looks:
            with self.connection.cursor() as cursor:
                cursor.execute(query, {"table": self.name, "column": self.populated.column})
                found = cursor.fetchall()
            if found:
                names = ", ".join(str(name) for (name,) in found[:3])
                raise Refused(f"{self.table} cannot be partitioned while {what.format(names)}: {way_out}.")


class _There(_Work):
    """From a table with rows to one in parts, of which it is the first."""

    @property
    def first(self) -> str:
        return f"{self.table}_first"

    @property
    def key_index(self) -> str:
        return f"{self.first}_pkey"

    def run(self, now: datetime) -> None:
        if not self.is_divided():
            if self.key_columns() != [self.populated.key]:
                raise Refused(f"The primary key of {self.table} is not {self.populated.key} alone: make it so first.")
            self.refuse(IN_THE_WAY)
            # First what takes long and refuses nobody's rows.
            self.index(self.key_index, f"{self.key}, {self.by}")
            check, end = self._check(now)
            months = months_between(end, later(max(end, month_of(now)), MONTHS_AHEAD))
            self._refuse_names([self.first, f"{self.table}_other", *(f"{self.table}_{month[0]}" for month in months)])
            self.whole({self.table}, lambda: self._exchange(check, end, months))
        # Nothing else gathers the statistics of the whole.
        self.run_alone(f"ANALYZE {self.name}")

    def _check(self, now: datetime) -> tuple[str, datetime]:
        """The check that the rows are of the first part, and where that ends; made and validated where it is not."""
        for (name,) in self.rows(RANGES, self.name, f"^{RANGE}"):
            end = instant(f"{name.removeprefix(RANGE).replace('_', '-')}-01")
            if now + MARGIN < end:
                break
            self.run_alone(f"ALTER TABLE {self.name} DROP CONSTRAINT {self.quote(name)}")
        else:
            end = self._end(now)
            name = f"{RANGE}{end:%Y_%m}"
            self.run_alone(
                f"ALTER TABLE {self.name} ADD CONSTRAINT {self.quote(name)} CHECK ({self.by} < {_bound(end)}) NOT VALID"
            )
        if self.rows(IS_VALIDATED, self.name, name) != [(True,)]:
            self.run_alone(f"ALTER TABLE {self.name} VALIDATE CONSTRAINT {self.quote(name)}")
        return name, end

    def _end(self, now: datetime) -> datetime:
        """A month after the next one, as until the exchange no row may be of later: of now, or of the newest row."""
        most = later(month_of(now), MOST_MONTHS_AHEAD)
        beyond = self.rows(f"SELECT {self.key} FROM {self.name} WHERE {self.by} >= %s LIMIT 1", most)
        if beyond:
            raise Refused(
                f"{self.table} has rows of {most:%Y-%m} or later, such as the one with the key {beyond[0][0]}: correct "
                "or remove them, and run migrate again."
            )
        [(newest,)] = self.rows(f"SELECT MAX({self.by}) FROM {self.name}")
        newest = newest.replace(tzinfo=newest.tzinfo or UTC) if newest else now
        return later(month_of(max(now, newest)), 2)

    def _refuse_names(self, names: Sequence[str]) -> None:
        for name in names:
            if self.rows("SELECT to_regclass(%s)", self.quote(name)) != [(None,)]:
                raise Refused(f"{name} is there already, and {self.table} needs the name for a part: rename it.")

    def _exchange(self, check: str, end: datetime, months: Sequence[Month]) -> None:
        [(key_name,)] = self.rows(KEY_NAME, self.name)
        indexes = self.rows(INDEXES, self.name, self.key_index)
        first, key_index, key_name = self.quote(self.first), self.quote(self.key_index), self.quote(key_name)
        self.say(
            f"ALTER TABLE {self.name} RENAME TO {first}",
            f"ALTER TABLE {first} DROP CONSTRAINT {key_name}, "
            f"ADD CONSTRAINT {key_index} PRIMARY KEY USING INDEX {key_index}",
        )
        for number, (name, *_) in enumerate(indexes):
            self.say(f"ALTER INDEX {self.quote(name)} RENAME TO {self.quote(f'{self.first}_{number}')}")
        self.say(
            f"CREATE TABLE {self.name} (LIKE {first} {LIKE}) PARTITION BY RANGE ({self.by})",
            f"ALTER TABLE {self.name} DROP CONSTRAINT {self.quote(check)}",
            f"ALTER TABLE {self.name} ADD CONSTRAINT {key_name} PRIMARY KEY ({self.key}, {self.by})",
        )
        for name, definition, constraint in indexes:
            said = f"ALTER TABLE {self.name} ADD CONSTRAINT {self.quote(name)} {constraint}"
            self.say(said if constraint else definition)
        carry_rights(self.populated, first, self.name)
        carry_numbers(self.populated, first, self.name)
        parts = [f"{self.table}_{name}" for name, _, _ in months]
        self.say(
            f"ALTER TABLE {self.name} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({_bound(end)})",
            f"ALTER TABLE {first} DROP CONSTRAINT {self.quote(check)}",
            *(
                f"CREATE TABLE {self.quote(part)} PARTITION OF {self.name} "
                f"FOR VALUES FROM ('{begin} 00:00+00') TO ('{after} 00:00+00')"
                for part, (_, begin, after) in zip(parts, months, strict=True)
            ),
            f"CREATE TABLE {self.quote(f'{self.table}_other')} PARTITION OF {self.name} DEFAULT",
        )
        for part in (*parts, f"{self.table}_other"):
            carry_rights(self.populated, first, self.quote(part))


class _Back(_Work):
    """From a table in parts to a plain one with all their rows."""

    @property
    def key_index(self) -> str:
        return f"{self.table}_pkey_alone"

    def run(self) -> None:
        if self.is_divided():
            self.populated.refuse_alike()
            self.refuse([BY_VIEWS])
            if (found := self.rows(UNIQUE_BESIDE, self.name, self.key_index)) and not self.populated.blocking:
                raise Refused(
                    f"{self.table} has something unique beside its key ({found[0][0]}), to which nobody could hold new "
                    "rows while the older ones are moved back: announce a window, in which nobody writes, and give the "
                    "operation blocking='because ...'."
                )
            self.whole({self.table}, self._exchange)
        for (child,) in self.rows(CHILDREN, self.name):
            self._empty(child)
            self._drop(child)
        if self.key_columns() != [self.populated.key]:
            self._key_alone()
        self.run_alone(f"ANALYZE {self.name}")

    def _exchange(self) -> None:
        parts = [name for (name,) in self.rows(CHILDREN, self.name)]
        if not parts:
            raise Refused(f"{self.table} has no part left that could take its rows: make one, and run this again.")
        largest, *others = map(self.quote, parts)
        indexes = self.rows(NAMES_OF_INDEXES, largest)
        self.say(*(f"ALTER TABLE {self.name} DETACH PARTITION {part}" for part in (largest, *others)))
        carry_rights(self.populated, self.name, largest)
        carry_numbers(self.populated, self.name, largest)
        self.say(
            f"DROP TABLE {self.name}",
            f"ALTER TABLE {largest} RENAME TO {self.name}",
            *(f"ALTER INDEX {self.quote(part)} RENAME TO {self.quote(whole)}" for part, whole in indexes),
        )
        for each in others:
            if self.populated.blocking:
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


def _bound(end: datetime) -> str:
    return f"'{end:%Y-%m-%d} 00:00+00'"
