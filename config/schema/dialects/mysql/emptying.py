"""MariaDB and MySQL: the foreign keys first, each by its name, as no table can go that another refers to."""

from collections.abc import Collection
from typing import Any

from config.schema.dialects.catalogue import rows
from config.schema.dialects.emptying import quoted

VIEWS = "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"
KEYS = """
SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = DATABASE()"""


def drop_tables(connection: Any, tables: Collection[str]) -> None:
    """Drop these tables and views. What was dropped stays so where it fails in the middle: then drop the others."""
    quote = connection.ops.quote_name
    views = {name for (name,) in rows(connection, VIEWS)} & {*tables}
    for table, name in rows(connection, KEYS):
        if table in tables:
            rows(connection, f"ALTER TABLE {quote(table)} DROP FOREIGN KEY {quote(name)}")
    for word, names in (("VIEW", views), ("TABLE", {*tables} - views)):
        if names:
            rows(connection, f"DROP {word} IF EXISTS {quoted(connection, names)}")
