"""The ENGINE of this project's databases: Django's own backend with the schema editor of this folder."""

from django.db.backends.postgresql import base

from config.schema.dialects.postgresql.schema import DatabaseSchemaEditor


class DatabaseWrapper(base.DatabaseWrapper):
    SchemaEditorClass = DatabaseSchemaEditor

    def init_connection_state(self) -> None:
        """PostgreSQL shall not compile queries.

        It does where it thinks them dear, which it does of each with a question per row, and then compiles for longer
        than they run: 4 of the 8 seconds that the readiness of 10,000 VMs takes.
        """
        super().init_connection_state()
        with self.connection.cursor() as cursor:
            cursor.execute("SET jit = off")
