"""Galera: every node takes writes, and grants named locks, table locks and row locks that the others do not see.

What two nodes change at once is settled when they commit: one of them is refused.
"""

from typing import Any

from django.db import DatabaseError

DEADLOCK, LOCK_WAIT_TIMEOUT, DUPLICATE_KEY, TABLE_EXISTS = 1213, 1205, 1062, 1050


class Galera:
    def is_member(self, connection: Any) -> bool:
        """Asked of the server, as MySQL does not know the variable."""
        with connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL VARIABLES LIKE 'wsrep_on'")
            row = cursor.fetchone()
        return row is not None and row[1] == "ON"

    def was_beaten(self, error: DatabaseError) -> bool:
        """A loser in a transaction is told of a deadlock, one in autocommit of a duplicate."""
        return bool(error.args) and error.args[0] in (DEADLOCK, LOCK_WAIT_TIMEOUT, DUPLICATE_KEY, TABLE_EXISTS)
