"""MariaDB and MySQL: SHOW CREATE TABLE, without what changes while the tables are used.

That is the number of the next row and the list of partitions. Neither is who defined a view or a trigger told: it
names a user and a host.
"""

import re
from collections.abc import Iterator
from typing import Any

from config.schema.dialects.catalogue import rows
from config.schema.dialects.definitions import Definition, in_order

TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'"
VIEWS = "SELECT TABLE_NAME, VIEW_DEFINITION FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()"
TRIGGERS = """
SELECT TRIGGER_NAME, ACTION_TIMING, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_STATEMENT
FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"""
ROUTINES = """
SELECT ROUTINE_NAME, ROUTINE_TYPE, DTD_IDENTIFIER, ROUTINE_DEFINITION
FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"""
NEXT_NUMBER = re.compile(r"(?<=\)) ?(ENGINE=\w+) AUTO_INCREMENT=\d+")
PARTS = re.compile(r"\n\(PARTITION .*\Z", re.DOTALL)
KEY = re.compile(r"  (?:UNIQUE |FULLTEXT |SPATIAL )?(?:KEY|CONSTRAINT) ")


def definitions(connection: Any) -> list[str]:
    """The SQL of all tables, views, triggers and routines."""
    return in_order(_all(connection))


def _all(connection: Any) -> Iterator[Definition]:
    quote = connection.ops.quote_name
    for (name,) in rows(connection, TABLES):
        for _, sql, *_ in rows(connection, f"SHOW CREATE TABLE {quote(name)}"):
            yield "table", name, without_what_changes(sql)
    own = f"{quote(connection.settings_dict['NAME'])}."
    for name, sql in rows(connection, VIEWS):
        yield "view", name, f"CREATE VIEW {quote(name)} AS {sql.replace(own, '')}"
    for name, when, event, table, sql in rows(connection, TRIGGERS):
        yield "trigger", name, f"CREATE TRIGGER {quote(name)} {when} {event} ON {quote(table)} FOR EACH ROW {sql}"
    for name, kind, returned, sql in rows(connection, ROUTINES):
        result = f" RETURNS {returned}" if returned else ""
        yield "function", name, f"CREATE {kind} {quote(name)}{result} {sql or ''}".rstrip()


def without_what_changes(sql: str) -> str:
    """A table's SQL without its next number and its parts, and its keys in the order of their names."""
    lines = PARTS.sub("", NEXT_NUMBER.sub(r" \1", sql)).split("\n")
    places = [place for place, line in enumerate(lines) if KEY.match(line)]
    ordered = sorted(lines[place].rstrip(",") for place in places)
    for place, line in zip(places, ordered, strict=True):
        lines[place] = line + ("," if lines[place + 1].startswith("  ") else "")
    return "\n".join(line.rstrip() for line in lines)
