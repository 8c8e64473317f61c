"""Django's schema editor, with ON DELETE rules in the database."""

from django.db.backends.postgresql import schema

from config.schema.dialects.on_delete import OnDeleteMixin


class DatabaseSchemaEditor(OnDeleteMixin, schema.DatabaseSchemaEditor):  # type: ignore[misc, override]
    pass
