"""A table of PostgreSQL with rows that is partitioned, or no longer: what both ways have in common."""

from collections.abc import Callable, Sequence

from django.db import transaction

from config.schema.dialects.partitions import Populated, execute
from config.schema.dialects.postgresql.statements import PostgreSQLStatements
from config.schema.exits import Refused

LONGEST_NAME = 48
"""So that there is room for what the names of parts and of their indexes end in."""
KEY = """
    SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY key(number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.number
    WHERE i.indrelid = to_regclass(%s) AND i.indisprimary ORDER BY key.place
"""
KEY_NAME = "SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(%s) AND contype = 'p'"
IS_DIVIDED = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(%s)"
VIEWS = """
    SELECT DISTINCT v.oid::regclass::text FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid
    JOIN pg_class v ON v.oid = r.ev_class
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refobjid = to_regclass(%(table)s) AND v.oid <> d.refobjid
"""
BY_VIEWS = (VIEWS, "a view shows it ({}), and would go on to show a part alone", "drop it, and make it again")


class Work:
    """One of the two ways. The catalogue tells which of its steps are done, so what was killed is gone on with."""

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
        """Run these, in one journey to the server."""
        execute(self.connection, [";\n".join(statements)] if statements else [])

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
