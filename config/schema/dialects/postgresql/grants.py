"""PostgreSQL: rights of a role, given in the transaction that makes the table."""

from collections.abc import Collection, Mapping
from typing import Any

from config.schema.dialects.grants import WRITE, Rights

OURS = "c.relnamespace = current_schema()::regnamespace AND pg_has_role(c.relowner, 'USAGE')"
TABLES = f"SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND {OURS} ORDER BY 1"
HELD = (
    "SELECT c.relname, "
    + ", ".join(f"has_table_privilege(r.oid, c.oid, '{right}')" for right in WRITE)
    + f" FROM pg_class c, pg_roles r WHERE r.rolname = %s AND c.relkind IN ('r', 'p') AND {OURS}"
)
NUMBERS = (
    "SELECT c.relname FROM pg_class c, pg_roles r WHERE r.rolname = %s AND c.relkind = 'S'"
    f" AND {OURS} AND NOT has_sequence_privilege(r.oid, c.oid, 'USAGE') ORDER BY 1"
)


class PostgreSQLRights:
    in_transaction = True

    def refusal(self, connection: Any, role: str) -> str | None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
            return None if cursor.fetchone() else f"the server has no role {role!r}: create it, or correct the name"

    def tables(self, connection: Any) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(TABLES)
            return [name for (name,) in cursor.fetchall()]

    def lacking(self, connection: Any, role: str, wanted: Mapping[str, Rights]) -> Mapping[str, Rights]:
        with connection.cursor() as cursor:
            cursor.execute(HELD, [role])
            held = {
                name: {right for right, has in zip(WRITE, has_them, strict=True) if has}
                for name, *has_them in cursor.fetchall()
            }
        return {name: rights for name, rights in wanted.items() if not {*rights} <= held.get(name, set())}

    def give(self, connection: Any, role: str, tables: Collection[str], rights: Rights) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT {', '.join(rights)} ON TABLE {', '.join(map(quoted, tables))} TO {quoted(role)}")

    def give_numbers(self, connection: Any, role: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(NUMBERS, [role])
            if names := [quoted(name) for (name,) in cursor.fetchall()]:
                cursor.execute(f"GRANT USAGE ON SEQUENCE {', '.join(names)} TO {quoted(role)}")


def quoted(name: str) -> str:
    """A name as PostgreSQL reads it; Django's quote_name takes one that stands in quotes for quoted already."""
    return '"' + name.replace('"', '""') + '"'
