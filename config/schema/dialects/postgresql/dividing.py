"""Partitions a table of PostgreSQL that has rows, while others read and write it, without copying one.

The table becomes the first part of a new one, which takes its name. A validated check says before that all its rows
belong into that part, so that nobody waits for a look at them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from config.schema.dialects.partitions import Month, instant
from config.schema.dialects.postgresql.carrying import numbers, rights
from config.schema.dialects.postgresql.populated import BY_VIEWS, KEY_NAME, Work
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
RANGES = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'c' AND conname ~ %s"
IS_VALIDATED = "SELECT convalidated FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s"
INDEXES = """
    SELECT c.relname, pg_get_indexdef(i.indexrelid), pg_get_constraintdef(con.oid)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('u', 'x')
    WHERE i.indrelid = to_regclass(%s) AND NOT i.indisprimary AND c.relname <> %s ORDER BY i.indexrelid
"""
IN_THE_WAY = (
    (
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND to_regclass(%(table)s) IN (conrelid, confrelid)",
        "foreign keys lead from or to it ({}), and a partitioned table has none here",
        "let the application alone hold them (db_constraint=False) by an AlterField before this",
    ),
    (
        """SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_attribute a
           ON a.attrelid = i.indrelid AND a.attname = %(column)s
           WHERE i.indrelid = to_regclass(%(table)s) AND NOT i.indisprimary
           AND (i.indisexclusion OR i.indisunique AND a.attnum <> ALL((i.indkey::int2[])[0:i.indnkeyatts - 1]))""",
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


class Dividing(Work):
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
            self._refuse_what_is_far_ahead(now)
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
        [(newest,)] = self.rows(f"SELECT MAX({self.by}) FROM {self.name}")
        newest = newest.replace(tzinfo=newest.tzinfo or UTC) if newest else now
        return later(month_of(max(now, newest)), 2)

    def _refuse_what_is_far_ahead(self, now: datetime) -> None:
        most = later(month_of(now), MOST_MONTHS_AHEAD)
        beyond = self.rows(f"SELECT {self.key} FROM {self.name} WHERE {self.by} >= %s LIMIT 1", most)
        if beyond:
            raise Refused(
                f"{self.table} has rows of {most:%Y-%m} or later, such as the one with the key {beyond[0][0]}: correct "
                "or remove them, and run migrate again."
            )

    def _refuse_names(self, names: Sequence[str]) -> None:
        for name in names:
            if self.rows("SELECT to_regclass(%s)", self.quote(name)) != [(None,)]:
                raise Refused(f"{name} is there already, and {self.table} needs the name for a part: rename it.")

    def _exchange(self, check: str, end: datetime, months: Sequence[Month]) -> None:
        """First all that has to be read, then all that is done, at once, as everybody waits for it."""
        [(key_name,)] = self.rows(KEY_NAME, self.name)
        indexes = self.rows(INDEXES, self.name, self.key_index)
        first, key_index, key_name = self.quote(self.first), self.quote(self.key_index), self.quote(key_name)
        rest = self.quote(f"{self.table}_other")
        parts = [(self.quote(f"{self.table}_{name}"), begin, after) for name, begin, after in months]
        all_rights = [rights(self.populated, self.name, new) for new in (self.name, rest, *(part[0] for part in parts))]
        all_numbers = numbers(self.populated, self.name, self.name, then=first)
        self.say(
            f"ALTER TABLE {self.name} RENAME TO {first}",
            f"ALTER TABLE {first} DROP CONSTRAINT {key_name}, "
            f"ADD CONSTRAINT {key_index} PRIMARY KEY USING INDEX {key_index}",
            *(
                f"ALTER INDEX {self.quote(name)} RENAME TO {self.quote(f'{self.first}_{number}')}"
                for number, (name, *_) in enumerate(indexes)
            ),
            f"CREATE TABLE {self.name} (LIKE {first} {LIKE}) PARTITION BY RANGE ({self.by})",
            f"ALTER TABLE {self.name} DROP CONSTRAINT {self.quote(check)}",
            f"ALTER TABLE {self.name} ADD CONSTRAINT {key_name} PRIMARY KEY ({self.key}, {self.by})",
            *(
                f"ALTER TABLE {self.name} ADD CONSTRAINT {self.quote(name)} {constraint}" if constraint else definition
                for name, definition, constraint in indexes
            ),
            f"ALTER TABLE {self.name} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({_bound(end)})",
            f"ALTER TABLE {first} DROP CONSTRAINT {self.quote(check)}",
            *(
                f"CREATE TABLE {part} PARTITION OF {self.name} "
                f"FOR VALUES FROM ('{begin} 00:00+00') TO ('{after} 00:00+00')"
                for part, begin, after in parts
            ),
            f"CREATE TABLE {rest} PARTITION OF {self.name} DEFAULT",
            *all_numbers,
            *chain.from_iterable(all_rights),
        )


def _bound(end: datetime) -> str:
    return f"'{end:%Y-%m-%d} 00:00+00'"
