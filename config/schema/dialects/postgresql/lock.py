"""PostgreSQL: an advisory lock of the session, or inside a transaction of that. Advisory locks are per database."""

from typing import Any

from config.schema.dialects.locks import answer

KEY = "('x0' || left(encode(sha256(convert_to(%s, 'UTF8')), 'hex'), 15))::bit(64)::bigint"
OWN = KEY % "current_database()"
"""The name is the server's, as a pooler or another spelling may lead to the same database under another one."""
HOLDERS = (
    "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    f" AND classid::bigint << 32 | objid::bigint = {OWN}"
)
ELSEWHERE = (
    "SELECT DISTINCT d.datname FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND d.datname <> current_database()"
    f" AND l.classid::bigint << 32 | l.objid::bigint = {KEY % 'd.datname'} ORDER BY 1"
)


class AdvisoryLock:
    def try_take(self, connection: Any) -> bool:
        of = "xact_" if connection.in_atomic_block else ""
        return bool(answer(connection, f"SELECT pg_try_advisory_{of}lock({OWN})"))

    def is_held(self, connection: Any) -> bool:
        return bool(answer(connection, f"SELECT EXISTS ({HOLDERS} AND pid = pg_backend_pid())"))

    def is_taken(self, connection: Any) -> bool:
        return answer(connection, HOLDERS) is not None

    def release(self, connection: Any) -> bool:
        if connection.in_atomic_block:
            return self.is_held(connection)
        return bool(answer(connection, f"SELECT pg_advisory_unlock({OWN})"))

    def holder(self, connection: Any) -> str | None:
        pid = answer(connection, HOLDERS)
        return None if pid is None else f"server process {pid}"

    def elsewhere(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(ELSEWHERE)
            return [name for (name,) in cursor.fetchall()]


MODES = (
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)
"""The locks on tables, from weak to strong."""
STRONGEST = (
    "SELECT l.mode, c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation'"
    " AND l.granted AND c.relkind IN ('r', 'p', 'm') AND n.nspname !~ '^pg_'"
    " ORDER BY array_position(%s::text[], l.mode) DESC NULLS LAST,"
    " position(c.relname in %s) > 0 DESC, length(c.relname) DESC, c.relname LIMIT 1"
)


def strongest_lock(connection: Any, sql: str, touched: int) -> str | None:
    """The strongest lock that the transaction now holds on a table, be it its own new one; outside one none is left.

    Of several that are as strong, that on a table which the statement names.
    """
    if not connection.in_atomic_block:
        return None
    # Asked of the driver, so that what watches the statements of this connection does not see it.
    row = connection.connection.execute(STRONGEST, [list(MODES), sql]).fetchone()
    return f"{row[0]} on {row[1]}" if row and row[0] in MODES else "none on a table"


def is_pooled(connection: Any) -> bool:
    """Whether a pooler stands in between, behind which a session's locks and settings go astray."""
    return bool(connection.connection.info.backend_pid != answer(connection, "SELECT pg_backend_pid()"))
