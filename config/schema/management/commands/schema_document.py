"""`manage.py schema_document`: what the database is, from the models."""

from config.schema.document import database_document
from config.schema.document_command import DocumentCommand


class Command(DocumentCommand):
    help = "Describe every table, column and rule of the database, from the models. It asks no database."
    name, page = "schema_document", "database.md"

    def text(self) -> str:
        return database_document()
