"""PostgreSQL: `pg_locks` shows every holder, and `lock_timeout` lets a statement into the queue for moments."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from config.schema.dialects.locks import answer
from config.schema.dialects.statements import first_words, without_comments
from config.schema.dialects.waits import BRIEF, DATA_SECONDS, LONG, PATIENT, Holder, Seen, ServerWaits, shown

PAST_DEADLOCK_TIMEOUT = 0.2
LOCK_NOT_AVAILABLE_OR_DEADLOCK = ("55P03", "40P01")
SERIALIZATION_FAILURE, QUERY_CANCELED = "40001", "57014"
SHAPE = {"CREATE", "ALTER", "DROP", "TRUNCATE", "COMMENT", "LOCK", "REINDEX", "CLUSTER", "REFRESH", "VACUUM", "ANALYZE"}
SHAPE_WITHIN = re.compile(
    r"(?:;|\bBEGIN\b|\bTHEN\b|\bLOOP\b|\bEXECUTE\b\W*)\s*(?:CREATE|ALTER|DROP|TRUNCATE|LOCK)\b", re.I
)
CONCURRENTLY = re.compile(r"\A(?:CREATE|DROP|REINDEX|ALTER|REFRESH)\b[^;]*?\b(?:CONCURRENTLY)\b", re.I)
READERS = ("AccessShareLock", "RowShareLock")
WRITERS = (*READERS, "RowExclusiveLock")
BESIDE_WRITERS = re.compile(r"\bVALIDATE\s+CONSTRAINT\b|\A(?:ANALYZE|VACUUM|COMMENT)\b|\bSET\s+STATISTICS\b", re.I)
BESIDE_READERS = re.compile(
    r"\ACREATE\s+(?:UNIQUE\s+)?INDEX\b|\ACREATE\s+(?:CONSTRAINT\s+)?TRIGGER\b|\bADD\s+CONSTRAINT\s+\S+\s+FOREIGN\s+KEY\b",
    re.I,
)
BESIDE_PLAIN_READERS = re.compile(r"\ALOCK\s+TABLE\b.*\bIN\s+EXCLUSIVE\s+MODE\b", re.I | re.S)
WANTED = """
    WITH RECURSIVE named AS (
      SELECT c.oid, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relname = ANY(%s) AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
      AND (pg_table_is_visible(c.oid) OR n.nspname = ANY(%s))
    ), wanted AS (
      SELECT oid FROM named WHERE relkind IN ('r', 'p', 'm', 'v', 'f')
      UNION SELECT i.indrelid FROM pg_index i JOIN named ON named.oid = i.indexrelid
      UNION SELECT h.inhrelid FROM pg_inherits h JOIN wanted ON wanted.oid = h.inhparent
    )
"""
TABLES = (
    WANTED
    + """
    SELECT c.oid::regclass::text FROM pg_class c JOIN wanted ON wanted.oid = c.oid
    WHERE c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
    AND NOT EXISTS (SELECT FROM pg_inherits h JOIN wanted ON wanted.oid = h.inhparent WHERE h.inhrelid = c.oid)
    ORDER BY 1
"""
)
HOLDERS = (
    WANTED
    + """
    SELECT l.pid, max(a.usename),
           max(extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start)))::float, max(a.query),
           coalesce(bool_or(a.backend_type = 'autovacuum worker' AND a.query !~ 'wraparound'), false)
    FROM pg_locks l JOIN wanted ON wanted.oid = l.relation LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND l.mode <> ALL(%s)
    GROUP BY l.pid ORDER BY 3 DESC NULLS LAST
"""
)


class PostgreSQLWaits(ServerWaits):
    whole = True

    def begin(self, connection: Any, seconds: float, rows: float = DATA_SECONDS) -> Any:
        before = answer(connection, "SHOW lock_timeout")
        self.limit(connection, rows, local=connection.in_atomic_block)
        return before

    def end(self, connection: Any, before: Any) -> None:
        answer(connection, "SELECT set_config('lock_timeout', %s, %s)", before, connection.in_atomic_block)

    def limit(self, connection: Any, seconds: float, *, local: bool = False) -> None:
        with connection.cursor() as cursor:
            # Zero would be no limit at all.
            cursor.execute(f"SET {'LOCAL ' if local else ''}lock_timeout = {max(1, round(seconds * 1000))}")

    def limited(self, sql: str, seconds: float) -> str | None:
        return None

    def is_lock_failure(self, error: BaseException) -> bool:
        return _code(error) in LOCK_NOT_AVAILABLE_OR_DEADLOCK

    def may_pass(self, error: BaseException) -> bool:
        return self.is_lock_failure(error) or _code(error) == SERIALIZATION_FAILURE

    def is_out_of_time(self, error: BaseException) -> bool:
        return _code(error) == QUERY_CANCELED

    def changes_shape(self, sql: str) -> bool:
        return first_words(sql)[0] in SHAPE or bool(SHAPE_WITHIN.search(sql))

    def own_limit(self, sql: str, seconds: float) -> float | None:
        """CONCURRENTLY waits for other transactions by design, and others read and write meanwhile."""
        return max(BRIEF, seconds) if CONCURRENTLY.match(without_comments(sql)) else None

    def tables(self, connection: Any, names: Collection[str]) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(TABLES, [list(names), list(names)])
            return [name for (name,) in cursor.fetchall()]

    def take(self, connection: Any, tables: Iterable[str], *, waits: bool) -> None:
        with connection.cursor() as cursor:
            how = "" if waits else " NOWAIT"
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE{how}")

    def seen(self, connection: Any, names: Collection[str], sql: str = "") -> Seen:
        with connection.cursor() as cursor:
            cursor.execute(HOLDERS, [list(names), list(names), list(_not_in_the_way(without_comments(sql)))])
            rows = cursor.fetchall()
        # What a prepared transaction holds, it holds until somebody ends it.
        held = [row for row in rows if not row[4]]
        longest = max((LONG if seconds is None else seconds for _, _, seconds, _, _ in held), default=0)
        holders = tuple(
            Holder(
                f"session {pid}" if pid else "a prepared transaction",
                user or "unknown",
                int(seconds or 0),
                shown(query),
            )
            for pid, user, seconds, query, _ in held
        )
        only_autovacuum = bool(rows) and not held
        return Seen(
            holders, longest=longest, brief=_until_autovacuum_gives_way(connection) if only_autovacuum else PATIENT
        )


def _code(error: BaseException) -> str | None:
    cause = error.__cause__
    return getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)


def _not_in_the_way(sql: str) -> tuple[str, ...]:
    """The modes of the locks beside which the statement can run."""
    if BESIDE_WRITERS.search(sql) or CONCURRENTLY.match(sql):
        return WRITERS
    if BESIDE_PLAIN_READERS.search(sql):
        return READERS[:1]
    return READERS if BESIDE_READERS.search(sql) else ()


def _until_autovacuum_gives_way(connection: Any) -> float:
    """Autovacuum is ended only for somebody who has stood in the queue for `deadlock_timeout`, 1 s by default."""
    milliseconds = answer(connection, "SELECT setting::int FROM pg_settings WHERE name = 'deadlock_timeout'")
    return float(milliseconds) / 1000 + PAST_DEADLOCK_TIMEOUT
