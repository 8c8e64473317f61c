"""MariaDB and MySQL: rights of an account or a role, table by table. A GRANT commits and can be said again."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db import DatabaseError

from config.schema.dialects.grants import Rights

NO_SUCH_ACCOUNT = {1133, 1410, 1396, 1968}
HELD = "SELECT table_name, table_priv FROM mysql.tables_priv WHERE db = DATABASE() AND user = %s AND host IN ({hosts})"


class MySQLRights:
    in_transaction = False

    def refusal(self, connection: Any, role: str) -> str | None:
        try:
            self._grant(connection, role, "USAGE", "*")
        except DatabaseError as error:
            if error.args and error.args[0] in NO_SUCH_ACCOUNT:
                return f"the server has no account or role {role!r}: create it, or write name@host"
            return "this user may not give rights in this database: grant it its rights WITH GRANT OPTION"
        return None

    def tables(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT table_name FROM information_schema.tables"
                " WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY 1"
            )
            return [name for (name,) in cursor.fetchall()]

    def lacking(self, connection: Any, role: str, wanted: Mapping[str, Rights]) -> Mapping[str, Rights]:
        name, host = account(role)
        hosts = ["%", ""] if host is None else [host]
        try:
            with connection.cursor() as cursor:
                cursor.execute(HELD.format(hosts=", ".join(["%s"] * len(hosts))), [name, *hosts])
                held = {table: {each.upper() for each in str(rights).split(",")} for table, rights in cursor.fetchall()}
        except DatabaseError:
            # Who may not read that table gives all of them again.
            return wanted
        return {table: rights for table, rights in wanted.items() if not {*rights} <= held.get(table, set())}

    def give(self, connection: Any, role: str, tables: Collection[str], rights: Rights) -> None:
        for table in tables:
            self._grant(connection, role, ", ".join(rights), quoted(table))

    def give_numbers(self, connection: Any, role: str) -> None:
        """They belong to the table."""

    def _grant(self, connection: Any, role: str, rights: str, table: str) -> None:
        name, host = account(role)
        database = quoted(str(connection.settings_dict["NAME"])).replace("%", "%%")
        words = f"GRANT {rights} ON {database}.{table.replace('%', '%%')} TO %s" + ("" if host is None else "@%s")
        with makes_no_account(connection), connection.cursor() as cursor:
            cursor.execute(words, [name] if host is None else [name, host])


@contextlib.contextmanager
def makes_no_account(connection: Any) -> Iterator[None]:
    """Within it, a GRANT to nobody is an error; else MariaDB makes an account without a password of it."""
    if not connection.mysql_is_mariadb:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT @@SESSION.sql_mode")
        mode = cursor.fetchone()[0]
        cursor.execute("SET SESSION sql_mode = CONCAT(@@SESSION.sql_mode, ',NO_AUTO_CREATE_USER')")
        try:
            yield
        finally:
            cursor.execute("SET SESSION sql_mode = %s", [mode])


def account(role: str) -> tuple[str, str | None]:
    """The name, and the host of an account where one is said."""
    name, at, host = role.rpartition("@")
    return (name, host) if at else (role, None)


def quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
