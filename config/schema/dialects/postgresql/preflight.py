"""PostgreSQL: a server that takes writes, a database in UTF-8, and a schema in which this user may create."""

from typing import Any

from config.schema.dialects.preflight import Obstacle, read_only, rights_missing

SEEN = """
SELECT current_user, current_database(), current_schema(), pg_is_in_recovery(),
       current_setting('default_transaction_read_only') = 'on', current_setting('server_encoding'),
       COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false)
"""


def obstacles(connection: Any) -> list[Obstacle]:
    with connection.cursor() as cursor:
        cursor.execute(SEEN)
        user, database, schema, is_standby, is_read_only, encoding, may_create = cursor.fetchone()
    found = []
    if is_standby or is_read_only:
        found.append(read_only(database))
    if not may_create:
        found.append(rights_missing(user, f"schema {schema} of {database}" if schema else database, ["CREATE"]))
    if encoding != "UTF8":
        way = "Make the database anew with ENCODING 'UTF8' and load it there."
        found.append(Obstacle("encoding", f"{database} holds text as {encoding}, which cannot hold every name.", way))
    return found
