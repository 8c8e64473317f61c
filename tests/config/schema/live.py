"""A Django connection to an empty database of an engine, beside the one that the tests have by default."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.utils import ConnectionHandler

from config.databases import database
from tests.config.schema.catalogue import Table, read_catalogue
from tests.engines import fresh_database

STOCK = {
    "config.schema.dialects.sqlite": "django.db.backends.sqlite3",
    "config.schema.dialects.postgresql": "django.db.backends.postgresql",
    "config.schema.dialects.mysql": "django.db.backends.mysql",
}


@contextlib.contextmanager
def empty_database(engine: str, *, stock: bool = False) -> Iterator[Any]:
    """A connection by this project's backend, or by Django's own."""
    with fresh_database(engine) as url, connected(url, stock=stock) as connection:
        yield connection


@contextlib.contextmanager
def connected(url: str, *, stock: bool = False) -> Iterator[Any]:
    """A connection to the database of this URL."""
    settings = database(url, "DATABASE_URL", directory=Path("/"))
    if stock:
        settings["ENGINE"] = STOCK[settings["ENGINE"]]
    connection = ConnectionHandler({"default": settings})["default"]
    try:
        yield connection
    finally:
        connection.close()


def live_table(engine: str, connection: Any, name: str) -> Table:
    """The table as the catalogue has it."""
    connection.ensure_connection()
    return read_catalogue(engine, connection.connection)[name]


def execute(connection: Any, statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []
