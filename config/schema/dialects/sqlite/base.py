"""The ENGINE of this project's databases: Django's own backend with the schema editor of this folder."""

from collections.abc import Iterable

from django.db.backends.sqlite3 import base, operations

from config.schema.dialects.sqlite.schema import DatabaseSchemaEditor


class DatabaseOperations(operations.DatabaseOperations):
    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        # SQLite checks ON DELETE RESTRICT at once, so no order of DELETEs empties tables that refer to each other.
        with self.connection.constraint_checks_disabled():
            super().execute_sql_flush(sql_list)


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    ops_class = DatabaseOperations
