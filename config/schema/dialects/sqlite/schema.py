"""Django's schema editor, with ON DELETE rules in the database."""

from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.sqlite3 import schema

from config.schema.dialects.on_delete import OnDeleteMixin


class DatabaseSchemaEditor(OnDeleteMixin, schema.DatabaseSchemaEditor):  # type: ignore[override]
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        if exc_type is None:
            super().__exit__(exc_type, exc_value, traceback)
            return
        # Django looks for broken foreign keys here first, which fails in a failed transaction and leaves it open.
        try:
            BaseDatabaseSchemaEditor.__exit__(self, exc_type, exc_value, traceback)
        finally:
            self.connection.enable_constraint_checking()
