"""PostgreSQL: pg_class for the weight, pg_stat_* for the use, pg_stat_activity for who is there."""

import contextlib
from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.catalogue import rows
from config.schema.dialects.diagnosis import Blocked, IndexUse, Seen, TableWeight
from config.schema.dialects.locks import answer
from config.schema.dialects.waits import Holder, shown

TABLES = """
SELECT max(c.relname) FILTER (WHERE NOT c.relispartition),
       CASE WHEN bool_and(c.reltuples < 0 OR c.relkind = 'p') THEN NULL ELSE sum(greatest(c.reltuples, 0))::bigint END,
       sum(pg_table_size(c.oid))::bigint, sum(pg_indexes_size(c.oid))::bigint
FROM pg_class c WHERE c.relkind IN ('r', 'p', 'm') AND pg_table_is_visible(c.oid)
AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
GROUP BY coalesce(pg_partition_root(c.oid), c.oid)"""
INDEXES = """
WITH used AS (
  SELECT coalesce(pg_partition_root(i.indexrelid), i.indexrelid) AS root, sum(pg_relation_size(i.indexrelid)) AS size,
         sum(pg_stat_get_numscans(i.indexrelid)) AS scans, sum(greatest(t.reltuples, 0)) AS entries,
         bool_and(t.reltuples < 0 OR t.relkind = 'p') AS unknown
  FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid GROUP BY 1
)
SELECT t.relname, c.relname, i.indisunique, used.size::bigint, used.scans::bigint,
       ARRAY(SELECT coalesce(a.attname, '') FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
             LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number AND k.number > 0
             WHERE k.place <= i.indnkeyatts ORDER BY k.place)::text[],
       CASE WHEN used.unknown THEN NULL WHEN i.indisunique THEN used.entries::bigint
            ELSE (SELECT CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * used.entries ELSE s.n_distinct END::bigint
                  FROM pg_stats s JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = i.indkey[0]
                  WHERE s.schemaname = n.nspname AND s.tablename = t.relname AND s.attname = a.attname
                  ORDER BY s.inherited DESC LIMIT 1) END
FROM used JOIN pg_index i ON i.indexrelid = used.root JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE pg_table_is_visible(t.oid) AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""
TRANSACTIONS = """
SELECT 'session ' || pid, usename, extract(epoch FROM clock_timestamp() - xact_start)::int, query FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - %s * interval '1 s'
UNION ALL
SELECT 'prepared transaction ' || gid, owner, extract(epoch FROM clock_timestamp() - prepared)::int, ''
FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - %s * interval '1 s'
ORDER BY 3 DESC"""
BLOCKED = """
SELECT pid, usename, coalesce(extract(epoch FROM clock_timestamp() - query_start)::int, 0), query, pg_blocking_pids(pid)
FROM pg_stat_activity WHERE datname = current_database()"""
MAY_SEE = "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
NEVER_COUNTED = "The rows of some have never been counted: run ANALYZE."
MAY_NOT = "Sessions of other users cannot be seen: grant this user pg_read_all_stats."


class PostgreSQLDiagnosis:
    @contextlib.contextmanager
    def reading(self, connection: Any, seconds: float) -> Iterator[None]:
        rows(connection, "BEGIN READ ONLY")
        try:
            limit = max(1, round(seconds * 1000))
            rows(connection, f"SET LOCAL statement_timeout = {limit}")
            rows(connection, f"SET LOCAL lock_timeout = {limit}")
            yield
        finally:
            with contextlib.suppress(DatabaseError):
                rows(connection, "ROLLBACK")

    def tables(self, connection: Any) -> Seen[TableWeight]:
        found = tuple(TableWeight(*row) for row in rows(connection, TABLES))
        return Seen(found, NEVER_COUNTED if any(each.rows is None for each in found) else "")

    def indexes(self, connection: Any) -> Seen[IndexUse]:
        counts = answer(connection, "SHOW track_counts") == "on"
        found = tuple(
            IndexUse(table, name, tuple(columns), unique, distinct, size, used if counts else None)
            for table, name, unique, size, used, columns, distinct in rows(connection, INDEXES)
        )
        return Seen(found, "" if counts else "Statistics are off: set track_counts to on, and wait a working week.")

    def transactions(self, connection: Any, seconds: float) -> Seen[Holder]:
        found = rows(connection, TRANSACTIONS, seconds, seconds)
        held = tuple(Holder(who, user or "unknown", age or 0, shown(query)) for who, user, age, query in found)
        return Seen(held, self._unseen(connection))

    def blocked(self, connection: Any) -> Seen[Blocked]:
        found = rows(connection, BLOCKED)
        held = {
            pid: Holder(f"session {pid}", user or "unknown", age, shown(query)) for pid, user, age, query, _ in found
        }
        waiting = tuple(
            Blocked(held[pid], tuple(held[each] for each in by if each in held)) for pid, *_, by in found if by
        )
        return Seen(waiting, self._unseen(connection))

    def _unseen(self, connection: Any) -> str:
        return "" if answer(connection, MAY_SEE) else MAY_NOT
