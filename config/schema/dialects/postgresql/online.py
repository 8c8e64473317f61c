"""PostgreSQL builds indexes CONCURRENTLY, and takes what is NOT VALID at once and validates it beside the writers."""

from typing import Any

from django.db.backends.ddl_references import Statement

from config.schema.dialects.online import hindrance_of_default

CREATE = ("CREATE INDEX ", "CREATE UNIQUE INDEX ")
UNIQUE_INDEX = "CREATE UNIQUE INDEX CONCURRENTLY %(name)s ON %(table)s (%(columns)s)%(nulls_distinct)s"
UNIQUE_BY_INDEX = "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s UNIQUE USING INDEX %(name)s%(deferrable)s"
VALIDATE = "ALTER TABLE %(table)s VALIDATE CONSTRAINT %(name)s"


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

    def copying(self, connection: Any, table: str) -> None:
        return None

    def is_refusal(self, error: BaseException) -> bool:
        return False

    def _add_and_validate(self, editor: Any, statement: Any) -> None:
        editor.execute(f"{statement} NOT VALID", None)
        editor.execute(str(Statement(VALIDATE, **statement.parts)), None)


def _names(editor: Any, model: Any, field: Any) -> tuple[str, str]:
    """The table and the column, quoted."""
    return editor.quote_name(model._meta.db_table), editor.quote_name(field.column)


def _name_of_check(editor: Any, table: str, column: str) -> str:
    """As the server itself names it, where that needs no shortening."""
    name = f"{table}_{column}_check"
    longest = editor.connection.ops.max_name_length()
    return name if len(name) <= longest else str(editor._create_index_name(table, [column], suffix="_check"))
