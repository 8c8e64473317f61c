"""What dropping every table needs to know of them."""

from collections.abc import Collection
from typing import Any

from config.schema.dialects.catalogue import rows


def quoted(connection: Any, names: Collection[str]) -> str:
    return ", ".join(map(connection.ops.quote_name, sorted(names)))


def count_rows(connection: Any, table: str) -> int:
    """How many rows a table has, exactly."""
    name = connection.ops.quote_name(table)
    return int(rows(connection, f"SELECT COUNT(*) FROM {name}")[0][0])
