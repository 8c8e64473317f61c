"""SQLite rolls everything back but the settings of a session."""

from typing import Any

from config.schema.dialects.statements import Kind, first_words

KINDS = {
    **dict.fromkeys(("PRAGMA", "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE", "ATTACH"), Kind.SESSION),
    **dict.fromkeys(("SELECT", "EXPLAIN", "VALUES"), Kind.READ),
    **dict.fromkeys(("VACUUM", "ANALYZE", "REINDEX"), Kind.REPEATABLE),
}


class SQLiteStatements:
    def kind(self, sql: str) -> Kind:
        return KINDS.get(first_words(sql)[0], Kind.WITH_OUTCOME)

    def before(self, connection: Any, sql: str) -> str:
        return ""

    def happened(self, connection: Any, sql: str, before: str) -> bool:
        return False
