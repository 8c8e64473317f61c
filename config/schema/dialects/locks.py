"""What a native lock has to be able to do."""

from typing import Any, Protocol

from django.db import DatabaseError


class NativeLock(Protocol):
    """The engine's own lock on the session that executes the DDL; it ends with that session, however that ends.

    What is let go inside a transaction is free when that has ended, where the engine rolls DDL back.

    It is only ever polled: the blocking forms deadlock with an index that is built concurrently.
    """

    def try_take(self, connection: Any) -> bool:
        """Take the lock if it is free; never waits."""

    def is_held(self, connection: Any) -> bool:
        """Whether this session holds the lock now."""

    def is_taken(self, connection: Any) -> bool:
        """Whether any session holds the lock now; takes nothing and makes nothing."""

    def release(self, connection: Any) -> bool:
        """Let the lock go; False where this session did not hold it."""

    def holder(self, connection: Any) -> str | None:
        """The session that holds the lock, in the engine's words; None where nobody does or it cannot be seen."""

    def elsewhere(self, connection: Any) -> list[str]:
        """The other databases of the same server whose schema is being changed now, as far as they can be seen."""


class Cluster(Protocol):
    """What an engine knows of servers that hold one database together, where each grants the native lock by itself."""

    def is_member(self, connection: Any) -> bool:
        """Whether the server of this connection belongs to such a cluster."""

    def was_beaten(self, error: DatabaseError) -> bool:
        """Whether a statement failed, and changed nothing, because another session was there before it."""


def answer(connection: Any, sql: str, *parameters: Any) -> Any:
    """The first column of the first row that a query answers; None where it answers none."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        row = cursor.fetchone()
    return row[0] if row else None
