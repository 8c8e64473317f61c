"""PostgreSQL rolls everything back but the few statements that refuse to run in a transaction."""

import re
from typing import Any

from config.schema.dialects.locks import answer
from config.schema.dialects.session import is_of_session
from config.schema.dialects.statements import Kind, NothingKept, first_words, kind_of_parts, parts_of, without_comments

KINDS = {
    **dict.fromkeys(("SET", "RESET", "DISCARD", "LISTEN", "UNLISTEN", "LOAD"), Kind.SESSION),
    **dict.fromkeys(("PREPARE", "DEALLOCATE"), Kind.SESSION),
    **dict.fromkeys(("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"), Kind.SESSION),
    **dict.fromkeys(("SELECT", "SHOW", "EXPLAIN", "VALUES", "TABLE"), Kind.READ),
    **dict.fromkeys(("VACUUM", "ANALYZE", "CHECKPOINT", "CLUSTER", "REINDEX"), Kind.REPEATABLE),
    "CALL": Kind.UNKNOWABLE,
}
OUTSIDE = re.compile(
    r"\s*(?:(?:CREATE|DROP|ALTER)\s+(?:DATABASE|TABLESPACE|SYSTEM|SUBSCRIPTION)|PREPARE\s+TRANSACTION|"
    r"(?:COMMIT|ROLLBACK)\s+PREPARED)\b",
    re.I,
)
QUOTED = re.compile(
    r"""\bE'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?P<tag>(?:[a-z_]\w*)?)\$.*?\$(?P=tag)\$"""
    r"""|--[^\n]*|/\*.*?\*/|\bBEGIN\s+ATOMIC\b.*?;\s*END\b""",
    re.S | re.I,
)
INDEX = re.compile(
    r"(?P<verb>CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r'(?P<name>(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)',
    re.I,
)
CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.I)
ENDS_A_TRANSACTION = re.compile(r"\b(?:COMMIT|ROLLBACK)\b", re.I)
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
HALF_MADE = (
    "SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE NOT i.indisvalid AND c.relname ~ '_ccnew[0-9]*$'"
)


class PostgreSQLStatements(NothingKept):
    def kind(self, sql: str) -> Kind:
        parts = self.parts(sql)
        return self._kind(sql) if len(parts) == 1 else kind_of_parts(parts, self._kind)

    def parts(self, sql: str) -> list[str]:
        return parts_of(sql, QUOTED)

    def _kind(self, sql: str) -> Kind:
        first, *_ = first_words(sql)
        if is_of_session(sql):
            return Kind.SESSION
        if INDEX.match(without_comments(sql)):
            return Kind.COMMITS
        if first == "REINDEX" and CONCURRENTLY.search(sql):
            return Kind.COMMITS
        if OUTSIDE.match(without_comments(sql)) or (first == "ALTER" and CONCURRENTLY.search(sql)):
            return Kind.UNKNOWABLE
        if first == "DO" and ENDS_A_TRANSACTION.search(sql):
            return Kind.UNKNOWABLE
        return KINDS.get(first, Kind.WITH_OUTCOME)

    def before(self, connection: Any, sql: str) -> str:
        """Nothing has to be kept: whether an index is there and valid says it all."""
        return ""

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        index = INDEX.match(without_comments(sql))
        if index is None:
            for left in _left_by_reindex(connection):
                answer_nothing(connection, f"DROP INDEX CONCURRENTLY {left}")
            return False
        valid = answer(connection, IS_VALID, index["name"])
        if index["verb"].upper() == "DROP":
            return valid is None
        if valid is False:
            answer_nothing(connection, f"DROP INDEX CONCURRENTLY {index['name']}")
        return valid is True


def answer_nothing(connection: Any, sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def _left_by_reindex(connection: Any) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(HALF_MADE)
        return [name for (name,) in cursor.fetchall()]
