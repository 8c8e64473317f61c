"""The ENGINE of this project's databases: Django's own backend with the schema editor of this folder."""

import sqlite3
import time
from collections.abc import Iterable
from typing import Any

from django.db.backends.sqlite3 import base, features, operations
from django.utils.functional import cached_property

from config.schema.dialects.sqlite.schema import DatabaseSchemaEditor

PAUSE_SECONDS = 0.01
SECONDS = 5.0
"""What SQLite's driver waits for others where no option says how long."""


class DatabaseOperations(operations.DatabaseOperations):
    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        # SQLite checks ON DELETE RESTRICT at once, so no order of DELETEs empties tables that refer to each other.
        with self.connection.constraint_checks_disabled():
            super().execute_sql_flush(sql_list)


class DatabaseFeatures(features.DatabaseFeatures):
    @cached_property
    def max_query_params(self) -> int:  # type: ignore[override]
        """How many parameters a statement of this SQLite takes; Django supposes the 999 of versions before 3.32."""
        self.connection.ensure_connection()
        return int(self.connection.connection.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER))


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Django's, for which others are waited for as long as for any statement.

        A new file is turned to WAL by whoever connects first, and there SQLite gives up at once if two do.
        """
        until = time.monotonic() + conn_params.get("timeout", SECONDS)
        while True:
            try:
                return super().get_new_connection(conn_params)
            except sqlite3.OperationalError as error:
                # The low byte is the error, the others its kind.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                    raise
            time.sleep(PAUSE_SECONDS)
