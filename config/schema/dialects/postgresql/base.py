"""The ENGINE of this project's databases: Django's own backend with the schema editor of this folder."""

from django.db.backends.postgresql import base

from config.schema.dialects.postgresql.schema import DatabaseSchemaEditor


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
