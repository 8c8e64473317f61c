"""Django's schema editor, with ON DELETE rules in the database."""

from django.db.backends.sqlite3 import schema

from config.schema.dialects.on_delete import OnDeleteMixin


class DatabaseSchemaEditor(OnDeleteMixin, schema.DatabaseSchemaEditor):  # type: ignore[override]
    pass
