"""MariaDB and MySQL commit with every statement that changes the shape; the catalogue tells whether it happened."""

import hashlib
import re
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.statements import Kind, first_words, without_comments

KINDS = {
    **dict.fromkeys(("SET", "USE", "LOCK", "UNLOCK"), Kind.SESSION),
    **dict.fromkeys(("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"), Kind.SESSION),
    **dict.fromkeys(("SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "CHECK", "CHECKSUM"), Kind.READ),
    **dict.fromkeys(("ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH", "GRANT", "REVOKE"), Kind.REPEATABLE),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"), Kind.COMMITS),
    **dict.fromkeys(("CALL", "XA", "PREPARE", "EXECUTE", "LOAD", "INSTALL", "UNINSTALL"), Kind.UNKNOWABLE),
}
OF_THE_SERVER = {"USER", "ROLE", "DATABASE", "SCHEMA", "SERVER", "TABLESPACE"}
ON_TABLES = {"TABLE", "INDEX", "VIEW"}
ONE_TABLE = re.compile(
    r"\A(?:(?:CREATE|ALTER)\s+TABLE\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?|DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?![^;]*,)|"
    r"(?:CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+)?|DROP\s+)INDEX\s+`[^`]+`\s+ON\s+)`((?:[^`]|``)+)`(?!\s*\.)",
    re.IGNORECASE,
)
"""The table in whose definition alone it shows whether such a statement happened."""
NAME = re.compile(r"`((?:[^`]|``)+)`|\b([A-Za-z_$][\w$]*)\b")
AUTO_INCREMENT = re.compile(r" AUTO_INCREMENT=\d+")
BESIDE_TABLES = (
    "SELECT trigger_name, action_statement FROM information_schema.triggers WHERE trigger_schema = DATABASE()",
    "SELECT routine_name, routine_definition FROM information_schema.routines WHERE routine_schema = DATABASE()",
    "SELECT event_name, event_definition FROM information_schema.events WHERE event_schema = DATABASE()",
)
MADE_AT = "SELECT table_name, create_time FROM information_schema.tables WHERE table_schema = DATABASE()"


class MySQLStatements:
    def kind(self, sql: str) -> Kind:
        first, *more = first_words(sql)
        if first in ("CREATE", "ALTER", "DROP", "RENAME") and OF_THE_SERVER & set(more[:1]):
            return Kind.UNKNOWABLE
        return KINDS.get(first, Kind.WITH_OUTCOME)

    def before(self, connection: Any, sql: str) -> str:
        """Of the tables that the statement names, else of everything; a table's next number is left out."""
        words = first_words(sql, 6)
        with connection.cursor() as cursor:
            if one := ONE_TABLE.match(without_comments(sql)):
                return _digest(_definition(cursor, one[1].replace("``", "`")))
            known = _tables(cursor)
            named = sorted({(quoted or bare) for quoted, bare in NAME.findall(sql)} & known)
            seen: list[Any] = [_definition(cursor, name) for name in named]
            if not ON_TABLES & set(words):
                seen = [_definition(cursor, name) for name in sorted(known)]
                for query in BESIDE_TABLES:
                    cursor.execute(query)
                    seen.append(sorted(map(repr, cursor.fetchall())))
            if words[0] in ("TRUNCATE", "RENAME"):
                # The one thing that tells an emptied table, or two that changed places, from before.
                cursor.execute(MADE_AT)
                seen.append(sorted(row for row in map(repr, cursor.fetchall()) if any(name in row for name in named)))
        return _digest((named, seen))

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        return self.before(connection, sql) != before


def _digest(seen: Any) -> str:
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def _tables(cursor: Any) -> set[str]:
    cursor.execute("SHOW TABLES")
    return {str(name) for (name,) in cursor.fetchall()}


def _definition(cursor: Any, name: str) -> str:
    quoted = name.replace("`", "``")
    try:
        cursor.execute(f"SHOW CREATE TABLE `{quoted}`")
    except DatabaseError as error:
        # A view whose table is gone has no definition to show.
        return f"{name}: {error}"
    return AUTO_INCREMENT.sub("", str(cursor.fetchone()[1]))
