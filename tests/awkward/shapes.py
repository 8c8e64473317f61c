"""The exact shape of a database and all its rows, to be compared with another moment of the same database."""

import re
from collections.abc import Callable
from typing import Any

OWN = re.compile(r"^(schema_|django_migrations|sqlite_)")
AFTER = {
    "django_content_type": "SELECT * FROM django_content_type",
    "auth_permission": "SELECT p.id, p.name, p.codename, c.app_label, c.model FROM auth_permission p"
    " JOIN django_content_type c ON c.id = p.content_type_id",
}
"""What Django writes after the migrations; the numbers, in the first column, depend on how much was there already."""
POSTGRESQL = (
    """SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
              pg_get_expr(d.adbin, d.adrelid)
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND a.attnum > 0
       AND NOT a.attisdropped ORDER BY c.relname, a.attnum""",
    """SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
       FROM pg_constraint WHERE connamespace = 'public'::regnamespace ORDER BY 2, 3""",
    """SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid
       FROM pg_index WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)
       ORDER BY 2, 3""",
)


def _fetch(connection: Any, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return [tuple(row) for row in cursor.fetchall()]


def _rows(connection: Any) -> list[tuple[Any, ...]]:
    tables = sorted(connection.introspection.table_names())
    found = [(table, sorted(map(repr, _rows_of(connection, table)))) for table in tables if not OWN.match(table)]
    applied = _fetch(connection, "SELECT app, name FROM django_migrations ORDER BY app, name")
    return [*found, ("applied", applied)]


def _rows_of(connection: Any, table: str) -> list[tuple[Any, ...]]:
    if query := AFTER.get(table):
        return [row[1:] for row in _fetch(connection, query)]
    return _fetch(connection, f"SELECT * FROM {connection.ops.quote_name(table)}")


def _postgresql(connection: Any) -> list[Any]:
    shapes = [row for query in POSTGRESQL for row in _fetch(connection, query) if not OWN.match(row[1])]
    return shapes + _rows(connection)


def _mariadb(connection: Any) -> list[Any]:
    shapes = []
    for (table,) in _fetch(connection, "SHOW TABLES"):
        if not OWN.match(table):
            shown = _fetch(connection, f"SHOW CREATE TABLE `{table}`")[0][1]
            shapes.append((table, re.sub(r" AUTO_INCREMENT=\d+", "", shown)))
    return shapes + _rows(connection)


def _sqlite(connection: Any) -> list[Any]:
    shapes = _fetch(connection, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name")
    return [row for row in shapes if not OWN.match(row[1]) and not OWN.match(row[2])] + _rows(connection)


SHAPES: dict[str, Callable[[Any], list[Any]]] = {
    "postgresql": _postgresql,
    "mariadb": _mariadb,
    "sqlite": _sqlite,
}
