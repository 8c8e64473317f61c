"""The ENGINE of this project's databases: Django's own backend with the schema editor of this folder."""

from django.db.backends.mysql import base

from config.schema.dialects.mysql.schema import DatabaseSchemaEditor


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor
