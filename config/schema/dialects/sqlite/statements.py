"""SQLite rolls everything back but the settings of a session."""

import re
from typing import Any

from config.schema.dialects.session import is_of_session
from config.schema.dialects.statements import Kind, NothingKept, first_words, parts_of

KINDS = {
    **dict.fromkeys(
        ("PRAGMA", "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH", "DETACH"), Kind.SESSION
    ),
    **dict.fromkeys(("SELECT", "EXPLAIN", "VALUES"), Kind.READ),
    **dict.fromkeys(("VACUUM", "ANALYZE", "REINDEX"), Kind.REPEATABLE),
}

QUOTED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--[^\n]*|/\*.*?\*/|\bCREATE\b[^;]*\bTRIGGER\b.*""", re.S | re.I
)
"""A trigger's body is quoted by nothing, and one statement is all that SQLite takes at a time."""


class SQLiteStatements(NothingKept):
    def kind(self, sql: str) -> Kind:
        if is_of_session(sql):
            return Kind.SESSION
        return KINDS.get(first_words(sql)[0], Kind.WITH_OUTCOME)

    def before(self, connection: Any, sql: str) -> str:
        return ""

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        return False

    def parts(self, sql: str) -> list[str]:
        return parts_of(sql, QUOTED)
