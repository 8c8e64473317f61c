"""SQLite keeps the SQL with which everything was made."""

from typing import Any

from config.schema.dialects.catalogue import rows
from config.schema.dialects.definitions import in_order

MADE = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"


def definitions(connection: Any) -> list[str]:
    """The SQL of all tables, indexes, views and triggers."""
    return in_order((kind, name, sql.strip()) for kind, name, sql in rows(connection, MADE))
