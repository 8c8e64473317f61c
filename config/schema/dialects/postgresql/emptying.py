"""PostgreSQL drops tables that refer to each other together, or none of them."""

from collections.abc import Collection
from typing import Any

from django.db import transaction

from config.schema.dialects.catalogue import rows
from config.schema.dialects.emptying import quoted

KINDS = "SELECT relname, relkind FROM pg_class WHERE relname = ANY(%s) AND pg_table_is_visible(oid)"
WORDS = {"v": "VIEW", "m": "MATERIALIZED VIEW", "f": "FOREIGN TABLE", "r": "TABLE", "p": "TABLE"}


def drop_tables(connection: Any, tables: Collection[str]) -> None:
    """Drop these tables and views, in one transaction; parts go with their tables."""
    with transaction.atomic(using=connection.alias):
        kinds: dict[str, list[str]] = {}
        for name, kind in rows(connection, KINDS, list(tables)):
            kinds.setdefault(WORDS[kind], []).append(name)
        for word in dict.fromkeys(WORDS.values()):
            if word in kinds:
                rows(connection, f"DROP {word} IF EXISTS {quoted(connection, kinds[word])} CASCADE")
