"""MariaDB and MySQL: information_schema for the weight, performance_schema for the use, InnoDB for the locks.

MariaDB counts the use of indexes with `userstat`, too, which needs no restart.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.catalogue import rows
from config.schema.dialects.diagnosis import Blocked, IndexUse, Seen, TableWeight
from config.schema.dialects.locks import answer
from config.schema.dialects.mysql.waits import AGE, PLUGIN, PROCESS
from config.schema.dialects.waits import Holder, shown

TABLES = """
SELECT TABLE_NAME, TABLE_ROWS, DATA_LENGTH, INDEX_LENGTH FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'"""
INDEXES = """
SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME, NON_UNIQUE, CARDINALITY FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"""
WAITED_FOR = """
SELECT OBJECT_NAME, INDEX_NAME, COUNT_STAR FROM performance_schema.table_io_waits_summary_by_index_usage
WHERE OBJECT_SCHEMA = DATABASE() AND INDEX_NAME IS NOT NULL"""
READ = (
    "SELECT TABLE_NAME, INDEX_NAME, ROWS_READ FROM information_schema.INDEX_STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
)
TRANSACTIONS = f"""
SELECT t.trx_mysql_thread_id, p.user, {AGE}, COALESCE(t.trx_query, p.info)
FROM information_schema.innodb_trx t LEFT JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
WHERE p.db = DATABASE() AND p.id <> CONNECTION_ID() AND {AGE} > %s ORDER BY 3 DESC"""
WAITS = {
    True: """SELECT r.trx_mysql_thread_id, b.trx_mysql_thread_id FROM information_schema.innodb_lock_waits w
             JOIN information_schema.innodb_trx r ON r.trx_id = w.requesting_trx_id
             JOIN information_schema.innodb_trx b ON b.trx_id = w.blocking_trx_id""",
    False: "SELECT waiting_pid, blocking_pid FROM sys.innodb_lock_waits",
}
"""By whether it is MariaDB: who waits for a row, and who has it."""
FOR_A_TABLE = """
SELECT DISTINCT p.id, m.thread_id FROM information_schema.processlist p
JOIN information_schema.metadata_lock_info m ON m.table_schema = p.db AND m.thread_id <> p.id
WHERE p.db = DATABASE() AND p.state LIKE 'Waiting for table metadata%%'
AND LOCATE(m.table_name, p.info)"""
SESSIONS = "SELECT id, user, COALESCE(time, 0), info, state FROM information_schema.processlist WHERE db = DATABASE()"
STATISTICS_OFF = "Statistics are off: start the server with performance_schema=ON{}, and wait a working week."
MAY_NOT_READ = "Who uses which index cannot be read: grant this user SELECT on performance_schema."
MAY_NOT_SEE = f"Sessions of others cannot be seen: {PROCESS}."
NO_PLUGIN = "Who holds a table that others wait for is not shown: install the plugin metadata_lock_info."


class MySQLDiagnosis:
    def __init__(self, *, mariadb: bool) -> None:
        self.mariadb = mariadb

    @contextlib.contextmanager
    def reading(self, connection: Any, seconds: float) -> Iterator[None]:
        # MariaDB counts it in seconds, MySQL in thousandths.
        name, limit = ("max_statement_time", seconds) if self.mariadb else ("max_execution_time", seconds * 1000)
        before = answer(connection, f"SELECT @@SESSION.{name}")
        rows(connection, f"SET SESSION {name} = {limit if self.mariadb else max(1, round(limit))}")
        # START TRANSACTION READ ONLY would let DDL through on MariaDB.
        rows(connection, "SET SESSION TRANSACTION READ ONLY")
        try:
            rows(connection, "START TRANSACTION")
            yield
        finally:
            with contextlib.suppress(DatabaseError):
                rows(connection, "ROLLBACK")
                rows(connection, "SET SESSION TRANSACTION READ WRITE")
                rows(connection, f"SET SESSION {name} = {before}")

    def tables(self, connection: Any) -> Seen[TableWeight]:
        return Seen(tuple(TableWeight(*row) for row in rows(connection, TABLES)))

    def indexes(self, connection: Any) -> Seen[IndexUse]:
        used, unseen = self._used(connection)
        parts: dict[tuple[str, str], list[Any]] = {}
        for table, name, column, not_unique, distinct in rows(connection, INDEXES):
            columns, *_ = parts.setdefault((table, name), [[], None, None])
            columns.append(column or "")
            # How many keys there are up to the last column is how many there are.
            parts[table, name][1:] = [not int(not_unique), distinct]
        return Seen(
            tuple(
                IndexUse(
                    table,
                    name,
                    tuple(columns),
                    unique,
                    distinct,
                    None,
                    used.get((table, name), 0) if not unseen else None,
                )
                for (table, name), (columns, unique, distinct) in parts.items()
            ),
            unseen,
        )

    def _used(self, connection: Any) -> tuple[dict[tuple[str, str], int], str]:
        """How often each index was used, or why nobody knows."""
        if answer(connection, "SELECT @@performance_schema"):
            try:
                return {(table, name): count for table, name, count in rows(connection, WAITED_FOR)}, ""
            except DatabaseError:
                return {}, MAY_NOT_READ
        if self.mariadb and answer(connection, "SELECT @@userstat"):
            return {(table, name): count for table, name, count in rows(connection, READ)}, ""
        return {}, STATISTICS_OFF.format(", or set userstat to ON" if self.mariadb else "")

    def transactions(self, connection: Any, seconds: float) -> Seen[Holder]:
        try:
            found = rows(connection, TRANSACTIONS, seconds)
        except DatabaseError:
            return Seen((), MAY_NOT_SEE)
        return Seen(tuple(_holder(*row) for row in found))

    def blocked(self, connection: Any) -> Seen[Blocked]:
        held = {row[0]: row for row in rows(connection, SESSIONS)}
        try:
            pairs = rows(connection, WAITS[self.mariadb])
        except DatabaseError:
            return Seen((), MAY_NOT_SEE)
        sees_tables = self.mariadb and bool(rows(connection, PLUGIN))
        pairs += rows(connection, FOR_A_TABLE) if sees_tables else []
        waits_for_a_table = [
            session for session, *_, state in held.values() if str(state).startswith("Waiting for table metadata")
        ]
        by: dict[Any, list[Any]] = {session: [] for session in waits_for_a_table}
        for waiting, blocking in pairs:
            by.setdefault(waiting, []).append(blocking)
        return Seen(
            tuple(
                Blocked(_holder(*held[session][:4]), tuple(_holder(*held[each][:4]) for each in others if each in held))
                for session, others in by.items()
                if session in held
            ),
            "" if sees_tables or not waits_for_a_table else NO_PLUGIN,
        )


def _holder(session: int, user: str | None, age: int | None, query: str | None) -> Holder:
    return Holder(f"session {session}", user or "unknown", age or 0, shown(query, "'\""))
