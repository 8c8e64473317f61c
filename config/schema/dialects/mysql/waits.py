"""MariaDB and MySQL: `lock_wait_timeout` in whole seconds, on MariaDB also none at all; who holds a table shows rarely.

An attempt that does not wait disturbs nobody. On a table that somebody reads at every moment it never succeeds, so
where nobody is in a long transaction an attempt waits a second, in which those who are short come to their end.
"""

import re
from collections.abc import Collection, Iterable
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.locks import answer
from config.schema.dialects.mysql.statements import without_settings
from config.schema.dialects.statements import first_words, without_comments
from config.schema.dialects.waits import DATA_SECONDS, LONG, PATIENT, Holder, Seen, ServerWaits, shown

SHAPE = {"CREATE", "ALTER", "DROP", "TRUNCATE", "RENAME", "OPTIMIZE", "REPAIR", "ANALYZE", "LOCK"}
LOCK_WAIT_TIMEOUT, DEADLOCK = 1205, 1213
STATEMENT_TIMEOUT = (1969, 3024)
"""Of MariaDB, and of MySQL."""
CHANGED_SINCE_READ = 1020
"""What `innodb_snapshot_isolation` makes of a row that somebody else has changed."""
PROCESS = "to see who, give this user the right PROCESS, or install the plugin metadata_lock_info"
AGE = "TIMESTAMPDIFF(SECOND, CONVERT_TZ(t.trx_started, 'SYSTEM', '+00:00'), UTC_TIMESTAMP())"
PLUGIN = (
    "SELECT 1 FROM information_schema.plugins WHERE plugin_name = 'METADATA_LOCK_INFO' AND plugin_status = 'ACTIVE'"
)
HOLDERS = """
    SELECT DISTINCT m.thread_id, p.user, p.time, p.info
    FROM information_schema.metadata_lock_info m LEFT JOIN information_schema.processlist p ON p.id = m.thread_id
    WHERE m.table_schema = DATABASE() AND m.table_name IN %s AND m.thread_id <> CONNECTION_ID()
"""
TRANSACTIONS = f"""
    SELECT t.trx_mysql_thread_id, p.user, {AGE}, COALESCE(t.trx_query, p.info)
    FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
    WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() ORDER BY 3 DESC
"""
BUILDS = re.compile(r"\bALGORITHM\s*=\s*(?:INPLACE|NOCOPY|COPY)\b", re.I)
"""What is told in so many words not to be instant; an index is built without being told so, too."""
INDEX = re.compile(r"\ACREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\b", re.I)
SETTINGS_OF_STATEMENT = re.compile(r"\ASET\s+STATEMENT\s+", re.I)
SETTINGS = ("lock_wait_timeout", "innodb_lock_wait_timeout")


class MySQLWaits(ServerWaits):
    whole = False

    def __init__(self, *, shortest: int, in_statement: bool) -> None:
        """`shortest`: the least lock_wait_timeout that the server takes, in seconds.

        `in_statement`: whether the server takes SET STATEMENT ... FOR, which needs no statements around.
        """
        self.shortest, self.in_statement = shortest, in_statement

    def begin(self, connection: Any, seconds: float, rows: float = DATA_SECONDS) -> Any:
        before = [answer(connection, f"SELECT @@{name}") for name in SETTINGS]
        self.end(connection, [max(1, int(rows))] * len(SETTINGS))
        return before

    def end(self, connection: Any, before: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET {', '.join(f'SESSION {name} = %s' for name in SETTINGS)}", before)

    def limit(self, connection: Any, seconds: float, *, local: bool = False) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET SESSION lock_wait_timeout = {max(self.shortest, int(seconds))}")

    def limited(self, sql: str, seconds: float) -> str | None:
        if not self.in_statement:
            return None
        # What has settings of its own takes this one beside them.
        own = SETTINGS_OF_STATEMENT.match(sql)
        rest = f", {sql[own.end() :]}" if own else f" FOR {sql}"
        return f"SET STATEMENT lock_wait_timeout = {int(seconds)}{rest}"

    def is_lock_failure(self, error: BaseException) -> bool:
        return bool(error.args) and error.args[0] in (LOCK_WAIT_TIMEOUT, DEADLOCK)

    def may_pass(self, error: BaseException) -> bool:
        return self.is_lock_failure(error) or (bool(error.args) and error.args[0] == CHANGED_SINCE_READ)

    def is_out_of_time(self, error: BaseException) -> bool:
        return bool(error.args) and error.args[0] in STATEMENT_TIMEOUT

    def changes_shape(self, sql: str) -> bool:
        return first_words(without_settings(sql))[0] in SHAPE

    def builds(self, sql: str) -> bool:
        sql = without_settings(sql)
        return bool(BUILDS.search(sql) or INDEX.match(without_comments(sql)))

    def own_limit(self, sql: str, seconds: float) -> float | None:
        return None

    def tables(self, connection: Any, names: Collection[str]) -> list[str]:
        return []

    def take(self, connection: Any, tables: Iterable[str], *, waits: bool) -> None:
        raise NotImplementedError("A statement that changes the shape ends the transaction here.")

    def seen(self, connection: Any, names: Collection[str], sql: str = "") -> Seen:
        with connection.cursor() as cursor:
            cursor.execute(PLUGIN)
            exact = bool(cursor.fetchone())
            try:
                if exact:
                    cursor.execute(HOLDERS, [tuple(names) or ("",)])
                else:
                    cursor.execute(TRANSACTIONS)
            except DatabaseError:
                return Seen(exact=False, missing=PROCESS)
            holders = tuple(
                Holder(f"session {session}", user or "unknown", seconds or 0, shown(query, "'\""))
                for session, user, seconds, query in cursor.fetchall()
            )
        longest = max((holder.seconds for holder in holders), default=0)
        return Seen(holders, exact=exact, longest=longest, brief=0 if longest >= LONG else PATIENT)
