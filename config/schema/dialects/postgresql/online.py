"""PostgreSQL builds indexes CONCURRENTLY, and takes what is NOT VALID at once and validates it beside the writers."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.backends.ddl_references import Statement

from config.schema.dialects.locks import answer
from config.schema.dialects.online import Compared, around_statement, hindrance_of_default, rename_by_turns

CREATE = ("CREATE INDEX ", "CREATE UNIQUE INDEX ")
UNIQUE_INDEX = "CREATE UNIQUE INDEX CONCURRENTLY %(name)s ON %(table)s (%(columns)s)%(nulls_distinct)s"
UNIQUE_BY_INDEX = "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s UNIQUE USING INDEX %(name)s%(deferrable)s"
VALIDATE = "ALTER TABLE %(table)s VALIDATE CONSTRAINT %(name)s"
LEANING = """
    WITH columns AS (
      SELECT attrelid, attnum, attname, attacl FROM pg_attribute WHERE attrelid = %s::regclass AND attname = ANY(%s)
    )
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
    FROM pg_depend d JOIN columns c ON d.refobjid = c.attrelid AND d.refobjsubid = c.attnum
    WHERE d.refclassid = 'pg_class'::regclass
    AND d.classid <> ALL(ARRAY['pg_attrdef'::regclass, 'pg_statistic_ext'::regclass])
    AND NOT (d.classid = 'pg_constraint'::regclass AND EXISTS (
      SELECT FROM pg_constraint k WHERE k.oid = d.objid AND k.conrelid = c.attrelid))
    AND NOT (d.classid = 'pg_class'::regclass AND EXISTS (
      SELECT FROM pg_index i WHERE i.indexrelid = d.objid AND i.indrelid = c.attrelid))
    UNION SELECT 'the rights granted on column ' || attname FROM columns WHERE attacl IS NOT NULL
    ORDER BY 1
"""
"""What holds on to a column whatever it is called, and so would follow the old one: views above all."""


class PostgreSQLOnline:
    outside = True

    def hindrance(self, field: Any) -> str:
        if field.generated:
            return "a generated column is computed for every row while nobody can use the table"
        return hindrance_of_default(field)

    def no_check(self, connection: Any) -> str:
        return ""

    def groups_many(self, sql: str) -> str:
        return sql

    def add_column(self, editor: Any, model: Any, field: Any) -> None:
        check = field.db_check(editor.connection)
        # A check that comes with the column is looked up in every row under the lock of the column.
        field.db_check = lambda connection: None
        editor.add_field(model, field)
        if check:
            name = _name_of_check(editor, model._meta.db_table, field.column)
            self.add_check(editor, editor._create_check_sql(model, name, check))

    def add_index(self, editor: Any, statement: Any) -> None:
        sql = str(statement)
        first = next(each for each in CREATE if sql.startswith(each))
        editor.execute(f"{first}CONCURRENTLY {sql.removeprefix(first)}", None)

    def remove_index(self, editor: Any, model: Any, index: Any) -> None:
        editor.remove_index(model, index, concurrently=True)

    def index_key(self, editor: Any, model: Any, field: Any, name: str) -> None:
        for statement in editor._field_indexes_sql(model, field):
            self.add_index(editor, statement)

    def add_unique(self, editor: Any, statement: Any) -> None:
        if str(statement).startswith(CREATE):
            self.add_index(editor, statement)
            return
        editor.execute(str(Statement(UNIQUE_INDEX, **statement.parts)), None)
        editor.execute(str(Statement(UNIQUE_BY_INDEX, **statement.parts)), None)

    def add_check(self, editor: Any, statement: Any) -> None:
        self._add_and_validate(editor, statement)

    def replace_check(self, editor: Any, model: Any, check: Any) -> None:
        """The old check stays until the new one is validated, so that rows are held to one of them at any time."""
        table, name = (editor.quote_name(each) for each in (model._meta.db_table, check.name))
        new = editor._create_index_name(model._meta.db_table, [check.name], suffix="_new")
        self.add_check(editor, editor._create_check_sql(model, new, check._get_check_sql(model, editor)))
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}", None)
        editor.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {editor.quote_name(new)} TO {name}", None)

    def add_foreign_key(self, editor: Any, statement: Any) -> None:
        self._add_and_validate(editor, statement)

    def set_not_null(self, editor: Any, model: Any, field: Any) -> None:
        """A validated check that says so spares SET NOT NULL the look at every row."""
        table, column = _names(editor, model, field)
        if editor.connection.in_atomic_block:
            editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL", None)
            return
        name = editor.quote_name(editor._create_index_name(model._meta.db_table, [field.column], suffix="_not_null"))
        editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL) NOT VALID", None)
        editor.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}", None)
        editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL", None)
        editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}", None)

    def allow_null(self, editor: Any, model: Any, field: Any) -> None:
        table, column = _names(editor, model, field)
        editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL", None)

    def exchange(self, editor: Any, model: Any, columns: Sequence[str], compared: Compared) -> None:
        """Three statements in one text, which one transaction holds together."""
        connection, table = editor.connection, editor.quote_name(model._meta.db_table)
        sql = "; ".join(rename_by_turns(editor, model, *columns))

        @contextlib.contextmanager
        def around(settings: str) -> Iterator[None]:
            if leaning := _leaning(connection, table, columns):
                compared.refuse(
                    f"as these hold on to a column and not to its name, they would go on with the old one: {leaning}. "
                    "Drop them first, and make them again afterwards."
                )
            compared.before()
            with contextlib.nullcontext() if connection.in_atomic_block else transaction.atomic(connection.alias):
                if compared.locks:
                    with connection.cursor() as cursor:
                        cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                    with _limited(connection, compared.seconds):
                        compared.locked()
                yield

        with around_statement(connection, sql, around):
            editor.execute(sql, None)

    def copying(self, connection: Any, table: str) -> None:
        return None

    def is_refusal(self, error: BaseException) -> bool:
        return False

    def _add_and_validate(self, editor: Any, statement: Any) -> None:
        editor.execute(f"{statement} NOT VALID", None)
        editor.execute(str(Statement(VALIDATE, **statement.parts)), None)


def _leaning(connection: Any, table: str, columns: Sequence[str]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(LEANING, [table, list(columns)])
        return ", ".join(words for (words,) in cursor.fetchall())


@contextlib.contextmanager
def _limited(connection: Any, seconds: float) -> Iterator[None]:
    """Within it, and inside a transaction, a statement takes no longer."""
    before = answer(connection, "SHOW statement_timeout")
    answer(connection, "SELECT set_config('statement_timeout', %s, true)", str(max(1, round(seconds * 1000))))
    yield
    # After an error the transaction is rolled back, and the setting with it.
    answer(connection, "SELECT set_config('statement_timeout', %s, true)", before)


def _names(editor: Any, model: Any, field: Any) -> tuple[str, str]:
    """The table and the column, quoted."""
    return editor.quote_name(model._meta.db_table), editor.quote_name(field.column)


def _name_of_check(editor: Any, table: str, column: str) -> str:
    """As the server itself names it, where that needs no shortening."""
    name = f"{table}_{column}_check"
    longest = editor.connection.ops.max_name_length()
    return name if len(name) <= longest else str(editor._create_index_name(table, [column], suffix="_check"))
