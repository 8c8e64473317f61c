"""MariaDB and MySQL: GET_LOCK, whose names are server-wide."""

import contextlib
from typing import Any

from config.schema.dialects.locks import answer
from config.schema.dialects.statements import first_words

NAME = "CONCAT('django-schema-', LEFT(SHA2(%s, 256), 32))"
OWN = NAME % "DATABASE()"
"""The name is the server's, as another spelling may lead to the same database."""
IN_USE = f"SELECT schema_name FROM information_schema.schemata WHERE IS_USED_LOCK({NAME % 'schema_name'}) IS NOT NULL"


class NamedLock:
    def try_take(self, connection: Any) -> bool:
        return answer(connection, f"SELECT GET_LOCK({OWN}, 0)") == 1

    def is_held(self, connection: Any) -> bool:
        return bool(answer(connection, f"SELECT IS_USED_LOCK({OWN}) = CONNECTION_ID()"))

    def is_taken(self, connection: Any) -> bool:
        return answer(connection, f"SELECT IS_USED_LOCK({OWN})") is not None

    def release(self, connection: Any) -> bool:
        # Asked of the driver, as Django runs no statement in a transaction that is to be rolled back.
        with contextlib.closing(connection.connection.cursor()) as cursor:
            cursor.execute(f"SELECT RELEASE_LOCK({OWN})")
            return bool(cursor.fetchone()[0] == 1)

    def holder(self, connection: Any) -> str | None:
        session = answer(connection, f"SELECT IS_USED_LOCK({OWN})")
        return None if session is None else f"connection {session}"

    def elsewhere(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"{IN_USE} AND schema_name <> DATABASE() ORDER BY 1")
            return [name for (name,) in cursor.fetchall()]


def copied(connection: Any, sql: str, touched: int) -> str | None:
    """An ALTER TABLE that says how many rows it touched has copied them, and writers wait meanwhile; of any other the
    server does not tell."""
    return f"COPY of {touched} rows: writers wait" if first_words(sql)[0] == "ALTER" and touched > 0 else None


def is_pooled(connection: Any) -> bool:
    """Whether a proxy stands in between, behind which a session's locks and settings go astray."""
    return bool(connection.connection.thread_id() != answer(connection, "SELECT CONNECTION_ID()"))
