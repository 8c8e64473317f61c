"""MariaDB and MySQL: InnoDB, strict mode, the collations that this project uses, and the rights of DDL."""

from typing import Any

from config.schema.dialects.preflight import Obstacle, read_only, rights_missing

RIGHTS = ("CREATE", "ALTER", "DROP", "INDEX", "REFERENCES", "SELECT", "INSERT", "UPDATE", "DELETE")
SEEN = """
SELECT CURRENT_USER(), DATABASE(), @@read_only, @@sql_mode,
       (SELECT COUNT(*) FROM information_schema.engines WHERE engine = 'InnoDB' AND support IN ('YES', 'DEFAULT'))
"""
GRANTED = """
SELECT privilege_type FROM information_schema.user_privileges WHERE grantee IN ({grantees})
UNION SELECT privilege_type FROM information_schema.schema_privileges
      WHERE grantee IN ({grantees}) AND DATABASE() LIKE table_schema
"""
IGNORES_READ_ONLY = {"SUPER", "READ_ONLY ADMIN", "CONNECTION_ADMIN"}


def obstacles(connection: Any, collations: tuple[str, ...]) -> list[Obstacle]:
    with connection.cursor() as cursor:
        cursor.execute(SEEN)
        user, database, is_read_only, sql_mode, has_innodb = cursor.fetchone()
        granted = _granted(cursor, user)
        cursor.execute("SELECT collation_name FROM information_schema.collations")
        known = {name for (name,) in cursor.fetchall()}
    found = []
    if is_read_only and not IGNORES_READ_ONLY & granted:
        found.append(read_only(database))
    if missing := [right for right in RIGHTS if right not in granted]:
        found.append(rights_missing(user, database, missing))
    if not has_innodb:
        found.append(
            Obstacle("engine", "The server has no InnoDB.", "Start it with InnoDB: no other engine keeps rules.")
        )
    if "STRICT_" not in sql_mode:
        words = f"Sessions of {database} are not strict, so values that do not fit would be cut without a word."
        found.append(Obstacle("not_strict", words, "Set sql_mode to hold STRICT_ALL_TABLES."))
    if unknown := [name for name in collations if name not in known]:
        way = "Use MariaDB 10.5 or newer, or MySQL 8.0.17 or newer."
        found.append(Obstacle("collation", f"The server does not know the collation {', '.join(unknown)}.", way))
    return found


def _granted(cursor: Any, user: str) -> set[str]:
    """The rights of this user and of the roles that are enabled, over everything or over this database."""
    name, _, host = user.rpartition("@")
    grantees = [f"'{name}'@'{host}'"]
    cursor.execute("SELECT role_name FROM information_schema.enabled_roles WHERE role_name IS NOT NULL")
    for (role,) in cursor.fetchall():
        grantees += [f"'{role}'@''", f"'{role}'@'%'", f"'{role}'"]
    cursor.execute(GRANTED.format(grantees=", ".join(["%s"] * len(grantees))), grantees * 2)
    return {str(right) for (right,) in cursor.fetchall()}
