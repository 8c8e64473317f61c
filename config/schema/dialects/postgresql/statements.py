"""PostgreSQL rolls everything back but the few statements that refuse to run in a transaction."""

import re
from typing import Any

from config.schema.dialects.locks import answer
from config.schema.dialects.statements import Kind, first_words, without_comments

KINDS = {
    **dict.fromkeys(("SET", "RESET", "DISCARD", "LISTEN", "UNLISTEN", "LOAD"), Kind.SESSION),
    **dict.fromkeys(("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"), Kind.SESSION),
    **dict.fromkeys(("SELECT", "SHOW", "EXPLAIN", "VALUES", "TABLE"), Kind.READ),
    **dict.fromkeys(("VACUUM", "ANALYZE", "CHECKPOINT", "CLUSTER"), Kind.REPEATABLE),
    "CALL": Kind.UNKNOWABLE,
}
OUTSIDE = re.compile(
    r"\s*(?:(?:CREATE|DROP|ALTER)\s+(?:DATABASE|TABLESPACE|SYSTEM|SUBSCRIPTION)|REINDEX\s+(?:DATABASE|SYSTEM))\b", re.I
)
INDEX = re.compile(
    r"(?P<verb>CREATE|DROP)\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?"
    r'(?P<name>(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)',
    re.I,
)
CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.I)
ENDS_A_TRANSACTION = re.compile(r"\bCOMMIT\b", re.I)
IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
HALF_MADE = (
    "SELECT c.oid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
    " WHERE NOT i.indisvalid AND c.relname ~ '_ccnew[0-9]*$'"
)


class PostgreSQLStatements:
    def kind(self, sql: str) -> Kind:
        first, *_ = first_words(sql)
        if INDEX.match(without_comments(sql)):
            return Kind.COMMITS
        if first == "REINDEX" and CONCURRENTLY.search(sql):
            return Kind.COMMITS
        if OUTSIDE.match(without_comments(sql)) or (first == "ALTER" and CONCURRENTLY.search(sql)):
            return Kind.UNKNOWABLE
        if first == "DO" and ENDS_A_TRANSACTION.search(sql):
            return Kind.UNKNOWABLE
        if first == "SET" and ";" in sql.rstrip().rstrip(";"):
            # Django renders SET CONSTRAINTS and the ALTER TABLE that needs it as one string.
            return Kind.WITH_OUTCOME
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
