"""MariaDB and MySQL commit with every statement that changes the shape; the catalogue tells whether it happened."""

import hashlib
import re
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.locks import answer
from config.schema.dialects.session import is_of_session
from config.schema.dialects.statements import Kind, first_words, kind_of_parts, parts_of, without_comments

KINDS = {
    **dict.fromkeys(("SET", "USE", "UNLOCK", "PREPARE", "DEALLOCATE"), Kind.SESSION),
    **dict.fromkeys(("BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"), Kind.SESSION),
    **dict.fromkeys(("SELECT", "SHOW", "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "CHECK", "CHECKSUM"), Kind.READ),
    **dict.fromkeys(("ANALYZE", "OPTIMIZE", "REPAIR", "FLUSH", "GRANT", "REVOKE"), Kind.REPEATABLE),
    **dict.fromkeys(("CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"), Kind.COMMITS),
    **dict.fromkeys(("CALL", "XA", "EXECUTE", "LOCK", "LOAD", "INSTALL", "UNINSTALL"), Kind.UNKNOWABLE),
}
ALONE = frozenset({"LOCK", "UNLOCK", "XA", *(word for word, kind in KINDS.items() if kind is Kind.REPEATABLE)})
QUOTED = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`]|``)*`|--\s[^\n]*|\#[^\n]*|/\*.*?\*/"""
    r"""|\bCREATE\b[^;]*\b(?:TRIGGER|PROCEDURE|FUNCTION|EVENT|PACKAGE)\b[^;]*\bBEGIN\b.*""",
    re.S | re.I,
)
"""The body of what is stored is quoted by nothing; it is taken to go on to the end of the text."""
FOR = re.compile(r"\ASET\s+STATEMENT\b.*?\bFOR\s+(?=[A-Z])", re.I | re.S)
PARTITION = re.compile(r"\AALTER\b.*\b(?:EXCHANGE|TRUNCATE)\s+PARTITION\b", re.I | re.S)
COUNTS = re.compile(r"\b(?:ROW_COUNT|FOUND_ROWS)\s*\(", re.I)
RENAMED = re.compile(r"((?:`[^`]+`|[\w$.])+)\s+(?:WAIT\s+\d+\s+|NOWAIT\s+)?TO\s+((?:`[^`]+`|[\w$.])+)", re.I)
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
        parts = self.parts(sql)
        return self._kind(sql) if len(parts) == 1 else kind_of_parts(parts, self._kind, alone=ALONE)

    def parts(self, sql: str) -> list[str]:
        return parts_of(sql, QUOTED)

    def _kind(self, sql: str) -> Kind:
        words = without_comments(sql)
        if FOR.match(words):
            return self._kind(without_settings(words))
        first, *more = first_words(sql)
        if is_of_session(sql):
            return Kind.SESSION
        if PARTITION.match(words) or (first == "RENAME" and _is_exchange(words)) or more[:2] == ["NOT", "ATOMIC"]:
            return Kind.UNKNOWABLE
        if first in ("CREATE", "ALTER", "DROP", "RENAME") and OF_THE_SERVER & set(more[:1]):
            return Kind.UNKNOWABLE
        return KINDS.get(first, Kind.WITH_OUTCOME)

    def before(self, connection: Any, sql: str) -> str:
        """Of the tables that the statement names, else of everything; a table's next number is left out."""
        sql = without_settings(sql)
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
            if words[0] == "TRUNCATE":
                # The one thing that tells an emptied table from before.
                cursor.execute(MADE_AT)
                seen.append(sorted(row for row in map(repr, cursor.fetchall()) if any(name in row for name in named)))
        return _digest((named, seen))

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        return self.before(connection, sql) != before

    def last_id(self, connection: Any, sql: str) -> int | None:
        if first_words(sql)[0] not in ("INSERT", "REPLACE", "LOAD", "UPDATE", "CALL", "BEGIN", "EXECUTE"):
            return None
        return int(answer(connection, "SELECT LAST_INSERT_ID()"))

    def recall(self, connection: Any, sql: str, last_id: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("DO LAST_INSERT_ID(%s)", [last_id])
        return not COUNTS.search(sql)

    def refused_whole(self, sql: str) -> bool:
        return first_words(sql)[0] in ("ALTER", "RENAME", "LOCK")

    def shuts_out(self, sql: str) -> bool | None:
        words = first_words(sql)
        return {"LOCK": True, "UNLOCK": False}.get(words[0]) if len(self.parts(sql)) == 1 else None


def without_settings(sql: str) -> str:
    """A statement without the settings that are said with it and hold for it alone."""
    words = without_comments(sql)
    said = FOR.match(words)
    return words[said.end() :] if said else sql


def _is_exchange(sql: str) -> bool:
    """Whether tables take each other's names, so that there are the same names before and after."""
    now: dict[str, str] = {}
    for old, new in RENAMED.findall(sql.replace("`", "")):
        was = next((name for name, by_now in now.items() if by_now == old), old)
        now[was] = new
    return set(now) == set(now.values())


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
