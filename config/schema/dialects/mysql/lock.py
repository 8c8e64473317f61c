"""MariaDB and MySQL: GET_LOCK, whose names are server-wide."""

import contextlib
from typing import Any

from config.schema.dialects.locks import answer, lock_name
from config.schema.dialects.statements import first_words


class NamedLock:
    def try_take(self, connection: Any) -> bool:
        return answer(connection, "SELECT GET_LOCK(%s, 0)", _name(connection)) == 1

    def is_held(self, connection: Any) -> bool:
        return bool(answer(connection, "SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", _name(connection)))

    def is_taken(self, connection: Any) -> bool:
        return answer(connection, "SELECT IS_USED_LOCK(%s)", _name(connection)) is not None

    def release(self, connection: Any) -> bool:
        # Asked of the driver, as Django runs no statement in a transaction that is to be rolled back.
        with contextlib.closing(connection.connection.cursor()) as cursor:
            cursor.execute("SELECT RELEASE_LOCK(%s)", [_name(connection)])
            return bool(cursor.fetchone()[0] == 1)

    def holder(self, connection: Any) -> str | None:
        session = answer(connection, "SELECT IS_USED_LOCK(%s)", _name(connection))
        return None if session is None else f"connection {session}"

    def elsewhere(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            others = [name for (name,) in cursor.fetchall() if name != connection.settings_dict["NAME"]]
            if not others:
                return []
            cursor.execute(f"SELECT {', '.join(['IS_USED_LOCK(%s)'] * len(others))}", [*map(lock_name, others)])
            return [name for name, session in zip(others, cursor.fetchone(), strict=True) if session is not None]


def copied(connection: Any, sql: str, touched: int) -> str | None:
    """An ALTER TABLE that says how many rows it touched has copied them, and writers wait meanwhile; of any other the
    server does not tell."""
    return f"COPY of {touched} rows: writers wait" if first_words(sql)[0] == "ALTER" and touched > 0 else None


def is_pooled(connection: Any) -> bool:
    """Whether a proxy stands in between, behind which a session's locks and settings go astray."""
    return bool(connection.connection.thread_id() != answer(connection, "SELECT CONNECTION_ID()"))


def _name(connection: Any) -> str:
    return lock_name(connection.settings_dict["NAME"])
