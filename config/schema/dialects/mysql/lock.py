"""MariaDB and MySQL: GET_LOCK, whose names are server-wide."""

from typing import Any

from config.schema.dialects.locks import lock_name


class NamedLock:
    def try_take(self, connection: Any) -> bool:
        return _answer(connection, "SELECT GET_LOCK(%s, 0)", _name(connection)) == 1

    def is_held(self, connection: Any) -> bool:
        return bool(_answer(connection, "SELECT IS_USED_LOCK(%s) = CONNECTION_ID()", _name(connection)))

    def release(self, connection: Any) -> bool:
        return _answer(connection, "SELECT RELEASE_LOCK(%s)", _name(connection)) == 1

    def holder(self, connection: Any) -> str | None:
        session = _answer(connection, "SELECT IS_USED_LOCK(%s)", _name(connection))
        return None if session is None else f"connection {session}"


def is_pooled(connection: Any) -> bool:
    """Whether a proxy stands in between, behind which a session's locks and settings go astray."""
    return bool(connection.connection.thread_id() != _answer(connection, "SELECT CONNECTION_ID()"))


def _name(connection: Any) -> str:
    return lock_name(connection.settings_dict["NAME"])


def _answer(connection: Any, sql: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return row[0] if row else None
