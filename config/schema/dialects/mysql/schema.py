"""Django's schema editor, with ON DELETE rules in the database, and one engine and character set for every table."""

from django.db.backends.mysql import schema

from config.schema.dialects.on_delete import OnDeleteMixin


class DatabaseSchemaEditor(OnDeleteMixin, schema.DatabaseSchemaEditor):  # type: ignore[misc, override]
    # A server's or a database's own defaults may be another engine or character set; what the names of the world need
    # is fixed here. Columns that programs compare have their own collation (config.schema.fields.CodeField).
    sql_create_table = (
        "CREATE TABLE %(table)s (%(definition)s) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    )
