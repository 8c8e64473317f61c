"""SQLite: one transaction, with foreign keys off, as a table that goes would empty those that refer to it."""

from collections.abc import Collection
from typing import Any

from django.db import transaction

from config.schema.dialects.catalogue import rows

VIEWS = "SELECT name FROM sqlite_master WHERE type = 'view'"


def drop_tables(connection: Any, tables: Collection[str]) -> None:
    """Drop these tables and views, or none of them."""
    quote = connection.ops.quote_name
    views = {name for (name,) in rows(connection, VIEWS)}
    connection.disable_constraint_checking()
    try:
        with transaction.atomic(using=connection.alias):
            for name in sorted(tables, key=lambda each: (each not in views, each)):
                rows(connection, f"DROP {'VIEW' if name in views else 'TABLE'} {quote(name)}")
    finally:
        connection.enable_constraint_checking()
